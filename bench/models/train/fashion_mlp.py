"""A three-layer perceptron on Fashion-MNIST."""
import torch
from torch import nn

import common

SHAPE = (784,)


def main():
    common.seed(2)
    model = nn.Sequential(nn.Linear(784, 192), nn.ReLU(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 10))
    common.train_classifier(model, SHAPE, epochs=15, batch=128, rate=3e-3)
    images, _ = common.fashion("t10k")
    folder = common.MODELS / "fashion-mlp"
    common.export(model, torch.zeros(2, *SHAPE), folder / "model.onnx", ["x"], ["logits"], {"x": {0: "N"}, "logits": {0: "N"}})
    common.write_classifier("fashion-mlp", SHAPE, common.predict(model, common.to_input(images, SHAPE)),
                            "A perceptron that classifies clothing: 784 → 192 → 64 → 10 with ReLU between.", "python3 bench/models/train/fashion_mlp.py")


if __name__ == "__main__":
    main()
