"""A transformer encoder that reads a Fashion-MNIST image as 28 rows."""
import math

import torch
from torch import nn

import common

SHAPE = (28, 28)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.before_attention = nn.LayerNorm(width)
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.merge = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.gelu = nn.GELU()

    def split(self, x):
        return x.reshape(-1, 28, self.heads, self.size).transpose(1, 2)

    def forward(self, x):
        y = self.before_attention(x)
        q, k, v = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        scores = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(self.size), dim=3)
        x = x + self.merge((scores @ v).transpose(1, 2).flatten(2))
        return x + self.down(self.gelu(self.up(self.before_mlp(x))))


class RowTransformer(nn.Module):
    def __init__(self, width=64, heads=4, blocks=2):
        super().__init__()
        self.embed = nn.Linear(28, width)
        self.position = nn.Parameter(torch.randn(28, width) * 0.02)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.embed(x) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def main():
    common.seed(4)
    model = RowTransformer()
    common.train_classifier(model, SHAPE, epochs=8, batch=128, rate=3e-3)
    common.export_classifier("fashion-transformer", model, SHAPE,
                             "A transformer encoder that classifies clothing: each of the 28 rows is a token; two blocks of width 64 with four heads, LayerNormalization before each half, "
                             "GELU, learned positions, mean over the tokens, linear head.", "python3 bench/models/train/fashion_transformer.py")


if __name__ == "__main__":
    main()
