"""The Fashion-MNIST CNN with low-rank convolutions by trained rank pruning (TRP, Xu et al. 2020), on top of the trained float model.

A 3x3 filter bank is taken as the matrix [outputs * width, inputs * height] of its spatial factorization. Every PERIOD steps the matrix is cut to the rank that keeps 1 - LOST of the sum of its
squared singular values; in between the sub-gradient U Vt of the nuclear norm pulls small singular values down. In the end each convolution is written as two, height to the rank, then width, and
BatchNormalization behind the second; the factors are trained on for an epoch.
"""
import torch
from torch import nn

import common
from fashion_cnn import SHAPE, Cnn

NAME = "fashion-cnn-low-rank"
PERIOD = 20
LOST = 0.05
PULL = 1e-3


def as_matrix(weight):
    """[outputs, inputs, height, width] as [outputs * width, inputs * height]."""
    m, c, h, w = weight.shape
    return weight.permute(0, 3, 1, 2).reshape(m * w, c * h)


def as_filters(matrix, shape):
    m, c, h, w = shape
    return matrix.reshape(m, w, c, h).permute(0, 2, 3, 1)


def cut(weight):
    """The weight at the least rank that keeps 1 - LOST of its energy, the sub-gradient of its nuclear norm, and that rank."""
    u, s, v = torch.linalg.svd(as_matrix(weight), full_matrices=False)
    kept = torch.cumsum(s * s, 0) / (s * s).sum()
    rank = int((kept < 1 - LOST).sum()) + 1
    u, s, v = u[:, :rank], s[:rank], v[:rank]
    return as_filters(u * s @ v, weight.shape), as_filters(u @ v, weight.shape), rank


def factored(conv):
    """Two convolutions, [rank, inputs, height, 1] and [outputs, rank, 1, width], with the singular values shared out evenly."""
    u, s, v = torch.linalg.svd(as_matrix(conv.weight.detach()), full_matrices=False)
    kept = torch.cumsum(s * s, 0) / (s * s).sum()
    rank = int((kept < 1 - LOST).sum()) + 1
    m, c, h, w = conv.weight.shape
    first = nn.Conv2d(c, rank, (h, 1), padding=(h // 2, 0), bias=False)
    second = nn.Conv2d(rank, m, (1, w), padding=(0, w // 2), bias=False)
    root = s[:rank].sqrt()
    first.weight.data = (root[:, None] * v[:rank]).reshape(rank, c, h, 1)
    second.weight.data = (u[:, :rank] * root).reshape(m, w, rank).permute(0, 2, 1).reshape(m, rank, 1, w).contiguous()
    return nn.Sequential(first, second)


def main():
    common.seed(12)
    model = Cnn()
    common.load_weights(model, "fashion-cnn")
    layers = [(part, i) for part in (model.widen, model.block) for i, layer in enumerate(part) if isinstance(layer, nn.Conv2d)]
    pull = {}

    def truncate(steps):
        if steps % PERIOD == 0:
            for part, i in layers:
                part[i].weight.data, pull[part[i]], _ = cut(part[i].weight.data)

    def nuclear():
        for layer, direction in pull.items():
            layer.weight.grad += PULL * direction

    truncate(0)
    common.train_classifier(model, SHAPE, epochs=4, batch=128, rate=3e-3, flip=True, before_step=nuclear, after_step=truncate)
    for part, i in layers:
        part[i] = factored(part[i])
    print("ranks:", [part[i][0].out_channels for part, i in layers])
    common.train_classifier(model, SHAPE, epochs=1, batch=128, rate=1e-3, flip=True)
    ranks = [part[i][0].out_channels for part, i in layers]
    common.export_classifier(NAME, model, SHAPE,
                             "`fashion-cnn` trained on at low rank (trained rank pruning: singular values cut by energy every few steps, nuclear norm pulled down between them), its three inner "
                             f"convolutions written as two each: 3×1 to {', '.join(map(str, ranks[:-1]))} and {ranks[-1]} channels, then 1×3.",
                             "python3 bench/models/train/fashion_cnn_low_rank.py")


if __name__ == "__main__":
    main()
