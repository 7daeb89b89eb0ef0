"""A three-layer perceptron on Fashion-MNIST."""
from torch import nn

import common

SHAPE = (784,)


def main():
    common.seed(2)
    model = nn.Sequential(nn.Linear(784, 192), nn.ReLU(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 10))
    common.train_classifier(model, SHAPE, epochs=15, batch=128, rate=3e-3)
    common.export_classifier("fashion-mlp", model, SHAPE,
                             "A perceptron that classifies clothing: 784 → 192 → 64 → 10 with ReLU between.", "python3 bench/models/train/fashion_mlp.py")


if __name__ == "__main__":
    main()
