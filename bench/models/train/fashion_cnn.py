"""A residual CNN with batch normalization on Fashion-MNIST."""
import torch
from torch import nn

import common

SHAPE = (1, 28, 28)


class Cnn(nn.Module):
    def __init__(self, stem=16, inner=32, outer=32):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(), nn.MaxPool2d(2))
        self.widen = nn.Sequential(nn.Conv2d(stem, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(outer, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
                                   nn.Conv2d(inner, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer))
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(outer * 7 * 7, 10)

    def forward(self, x):
        x = self.widen(self.stem(x))
        x = self.pool(self.relu(x + self.block(x)))
        return self.head(torch.flatten(x, 1))


def main():
    common.seed(1)
    model = Cnn()
    common.train_classifier(model, SHAPE, epochs=6, batch=128, rate=6e-3, flip=True)
    common.export_classifier("fashion-cnn", model, SHAPE,
                             "A convolutional classifier of clothing: four 3×3 convolutions, each followed by a BatchNormalization node of its own (so that folding it is the "
                             "engine's work), ReLU, two MaxPool, one residual addition and a linear head.\n\n`sample.png` is the first test image as an 8-bit gray picture.",
                             "python3 bench/models/train/fashion_cnn.py")
    common.write_png(common.MODELS / "fashion-cnn" / "sample.png", common.fashion("t10k")[0][0])


if __name__ == "__main__":
    main()
