"""A perceptron of parametrized hypercomplex multiplication layers (PHM: Zhang et al. 2021; Grassucci et al. 2022) on Fashion-MNIST.

A layer's weight is a sum of Kronecker products, W = sum over t of kron(A_t, S_t): N matrices A_t [N, N], learned, play the part of an algebra's multiplication table, and N matrices
S_t [outputs / N, inputs / N] hold 1 / N of a dense layer's parameters. The head stays dense.
"""
import math

import torch
from torch import nn
import torch.nn.functional as F

import common

NAME = "fashion-mlp-phm"
SHAPE = (784,)
N = 4


class Phm(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.a = nn.Parameter(torch.randn(N, N, N) / N)
        self.s = nn.Parameter(torch.randn(N, outputs // N, inputs // N) * math.sqrt(2 * N / inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def weight(self):
        """[outputs, inputs]."""
        _, p, q = self.s.shape
        return torch.einsum("tab,tpq->apbq", self.a, self.s).reshape(N * p, N * q)

    def forward(self, x):
        return F.linear(x, self.weight(), self.bias)


def main():
    common.seed(14)
    model = nn.Sequential(Phm(784, 192), nn.ReLU(), Phm(192, 64), nn.ReLU(), nn.Linear(64, 10))
    common.train_classifier(model, SHAPE, epochs=20, batch=128, rate=3e-3)
    common.export_classifier(NAME, model, SHAPE,
                             f"The perceptron `fashion-mlp` (784 → 192 → 64 → 10) with hypercomplex layers: the weights of its first two are sums of {N} Kronecker products of a learned {N} × {N} matrix and a "
                             f"matrix of a sixteenth of the weight's size, so that they hold {1 / N:.0%} of the parameters. The head is dense. The file has the factors and computes the weights from them (Einsum, Reshape); "
                             "the engine keeps the sums.",
                             "python3 bench/models/train/fashion_mlp_phm.py", fold=False)


if __name__ == "__main__":
    main()
