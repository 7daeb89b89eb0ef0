"""A GRU that reads a Fashion-MNIST image row by row."""
from torch import nn

import common

SHAPE = (28, 28)


class RowGru(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.gru = nn.GRU(28, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x):
        states, _ = self.gru(x)
        return self.head(states[:, -1])


def main():
    common.seed(3)
    model = RowGru()
    common.train_classifier(model, SHAPE, epochs=10, batch=128, rate=4e-3)
    common.export_classifier("fashion-gru", model, SHAPE,
                             "A recurrent classifier of clothing: a GRU of 96 units reads an image as a sequence of 28 rows of 28 pixels, and a linear head reads its last state.",
                             "python3 bench/models/train/fashion_gru.py")


if __name__ == "__main__":
    main()
