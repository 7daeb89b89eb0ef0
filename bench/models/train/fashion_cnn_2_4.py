"""The Fashion-MNIST CNN with 2:4 sparse weights by SR-STE (Zhou et al. 2021), on top of the trained float model.

Of four input channels in a row a filter keeps, at each of its taps, the two of largest magnitude. Masks are chosen anew at every step; the gradient goes straight through
to all weights, and weights that a mask hides are pulled to zero: g + decay * (1 - mask) * w. The stem, with one input channel, stays dense.
"""
import torch
from torch import nn
import torch.nn.functional as F

import common
from fashion_cnn import SHAPE, Cnn

NAME = "fashion-cnn-2-4"
DECAY = 2e-4
KEPT, OF = 2, 4


def mask(weight):
    """1 where a weight is among the KEPT largest of OF in a row along the input channels; of equal ones the first counts."""
    groups = weight.detach().reshape(weight.shape[0], -1, OF, *weight.shape[2:])
    order = groups.abs().sort(dim=2, descending=True, stable=True).indices
    kept = torch.zeros_like(groups).scatter_(2, order[:, :, :KEPT], 1.0)
    return kept.reshape(weight.shape)


class Masked(torch.autograd.Function):
    @staticmethod
    def forward(context, weight):
        kept = mask(weight)
        context.save_for_backward(weight, kept)
        return weight * kept

    @staticmethod
    def backward(context, gradient):
        weight, kept = context.saved_tensors
        return gradient + DECAY * (1 - kept) * weight


class SparseConv(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(x, Masked.apply(self.weight), self.bias)


class SparseLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, Masked.apply(self.weight), self.bias)


def sparse(model):
    """Puts masked layers in the place of all but the stem."""
    for part in (model.widen, model.block):
        for i, layer in enumerate(part):
            if isinstance(layer, nn.Conv2d):
                part[i] = SparseConv(layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding, bias=False)
    model.head = SparseLinear(model.head.in_features, model.head.out_features)
    return model


def main():
    common.seed(11)
    model = sparse(Cnn())
    common.load_weights(model, "fashion-cnn")
    common.train_classifier(model, SHAPE, epochs=4, batch=128, rate=3e-3, flip=True)
    state = model.state_dict()
    for name, layer in model.named_modules():
        if isinstance(layer, (SparseConv, SparseLinear)):
            state[name + ".weight"] *= mask(layer.weight)
    plain = Cnn()
    plain.load_state_dict(state)
    plain.eval()
    common.export_classifier(NAME, plain, SHAPE,
                             "`fashion-cnn` trained on with 2:4 sparse weights (SR-STE): of four input channels in a row each filter keeps two at each tap, the head two of four features; the stem, "
                             "with one input channel, is dense. The file holds plain weights with those zeros; the engine finds the pattern when it loads them.",
                             "python3 bench/models/train/fashion_cnn_2_4.py")


if __name__ == "__main__":
    main()
