"""Binary networks on Fashion-MNIST: activations and weights −1 or +1 in all but the first convolution and the head.

Training is ReSTE (Wu et al., ICCV 2023): sign in the forward pass, the derivative of sign(x)·|x|^(1/o) in the backward pass, o growing from 1 to 3. A layer's weights are their signs times α, the mean of
their magnitudes rounded to a power of two: the BatchNormalization behind takes up the rest, and sums of ±α are exact in float32. `vgg` is conv → ReLU → BatchNormalization → (max-pool) → sign; `resnet` is Bi-Real (Liu et al., ECCV 2018): a float shortcut around every binary convolution. `vgg-mst` pulls each filter of
`vgg` to its parent in a minimum spanning tree over the filters (MST-compression, Vo et al., ICCV 2023): the trees are found anew every REBUILD steps, and what exceeds TARGET of the mean share of weights in
which a filter differs from its parent is added to the loss, PULL times. `vgg-mst-signed` lets a filter be near the opposite of its parent as well. `vgg-slim` is `vgg` with fewer channels.
"""
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper
import torch
from torch import nn
import torch.nn.functional as F

import common

SHAPE = (1, 28, 28)
LAST_POWER, NEAR, FAR = 3.0, 0.1, 1.5
TARGET, PULL, REBUILD = 0.15, 10.0, 50
EPOCHS, BATCH, RATE = {"vgg": 6, "resnet": 4, "vgg-mst": 6, "vgg-slim": 6, "vgg-mst-signed": 6}, 128, 4e-3
WIDTH, SLIM = 32, 28


class Sign(torch.autograd.Function):
    """sign(x), and +1 at 0; the gradient is ReSTE's, that of a straight line below NEAR and none beyond FAR (if far)."""
    power = 1.0

    @staticmethod
    def forward(context, x, far):
        context.save_for_backward(x)
        context.far = far
        return torch.where(x < 0, -1.0, 1.0)

    @staticmethod
    def backward(context, gradient):
        x, = context.saved_tensors
        size = x.abs()
        slope = torch.where(size < NEAR, torch.tensor(NEAR ** (1 / Sign.power - 1)), size.clamp(min=NEAR) ** (1 / Sign.power - 1) / Sign.power)
        return gradient * (slope * (size <= FAR) if context.far else slope), None


class BinaryActivation(nn.Module):
    def forward(self, x):
        return Sign.apply(x, True) if self.training else torch.sign(x)


class BinaryConv(nn.Conv2d):
    """A convolution by sign(weight)·α without bias."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__(inputs, outputs, 3, stride=stride, padding=1, bias=False)

    def forward(self, x):
        return self._conv_forward(x, Sign.apply(self.weight, False) * self.alpha(), None)

    def alpha(self):
        return 2 ** self.weight.detach().abs().mean().log2().round()


class Vgg(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(width), nn.MaxPool2d(2), BinaryActivation())
        self.body = nn.Sequential(BinaryConv(width, 2 * width), nn.ReLU(), nn.BatchNorm2d(2 * width), BinaryActivation(),
                                  BinaryConv(2 * width, 2 * width), nn.ReLU(), nn.BatchNorm2d(2 * width), nn.MaxPool2d(2), BinaryActivation(),
                                  BinaryConv(2 * width, 4 * width), nn.ReLU(), nn.BatchNorm2d(4 * width), nn.MaxPool2d(2), BinaryActivation())
        self.head = nn.Linear(4 * width * 3 * 3, 10)

    def forward(self, x):
        return self.head(torch.flatten(self.body(self.stem(x)), 1))


class Residual(nn.Module):
    """bn(conv(sign(x))) + x; where the size changes, the shortcut is an average pool and a float 1×1 convolution."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.sign, self.conv, self.norm = BinaryActivation(), BinaryConv(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential() if stride == 1 else nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.norm(self.conv(self.sign(x))) + self.shortcut(x)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.MaxPool2d(2))
        self.body = nn.Sequential(Residual(32, 32), Residual(32, 32), Residual(32, 64, 2), Residual(64, 64), Residual(64, 64))
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(64 * 3 * 3, 10)

    def forward(self, x):
        return self.head(torch.flatten(self.pool(self.body(self.stem(x))), 1))


def tree(signs, opposite=False):
    """The parents of a minimum spanning tree over rows of ±1 by Hamming distance (Prim), root 0: pairs (child, parent). With opposite, rows may be taken with the other sign."""
    product = signs @ signs.T
    distance = (signs.shape[1] - (np.abs(product) if opposite else product)) / 2
    near, parent, out = distance[0].copy(), np.zeros(len(signs), np.int64), np.ones(len(signs), bool)
    out[0], edges = False, []
    for _ in range(len(signs) - 1):
        child = int(np.where(out, near, np.inf).argmin())
        edges.append((child, int(parent[child])))
        out[child] = False
        closer = distance[child] < near
        near[closer], parent[closer] = distance[child][closer], child
    return np.array(edges)


class TreePull:
    """Adds the gradient of PULL times the excess over TARGET of the mean share of weights that differ along trees' edges."""

    def __init__(self, layers, opposite):
        self.layers, self.opposite, self.trees, self.steps = layers, opposite, [], 0

    def share(self, index):
        signs = Sign.apply(self.layers[index].weight.flatten(1), False)
        edges = self.trees[index]
        alike = (signs[edges[:, 0]] * signs[edges[:, 1]]).mean(1)
        return (1 - (alike.abs() if self.opposite else alike).mean()) / 2

    def rebuild(self):
        self.trees = [tree(np.where(layer.weight.detach().flatten(1).numpy() < 0, -1.0, 1.0), self.opposite) for layer in self.layers]

    def __call__(self):
        if self.steps % REBUILD == 0:
            self.rebuild()
        self.steps += 1
        for index in range(len(self.layers)):
            (PULL * F.relu(self.share(index) - TARGET)).backward()


def shares(layers, opposite):
    """Mean share of weights in which a filter differs from its parent, a layer."""
    found = []
    for layer in layers:
        signs = np.where(layer.weight.detach().flatten(1).numpy() < 0, -1.0, 1.0)
        edges = tree(signs, opposite)
        alike = (signs[edges[:, 0]] * signs[edges[:, 1]]).mean(1)
        found.append(float((1 - (np.abs(alike) if opposite else alike).mean()) / 2))
    return found


def store_signs(path, names):
    """A binary weight is kept as its signs in int8, cast to float32 and multiplied by α when the model is read."""
    proto = onnx.load(str(path))
    tensors = {t.name: t for t in proto.graph.initializer}
    added = []
    for node in proto.graph.node:
        if node.op_type != "Conv" or node.input[1] not in names:
            continue
        name = node.input[1]
        dense = numpy_helper.to_array(tensors[name])
        proto.graph.initializer.remove(tensors[name])
        proto.graph.initializer.extend([numpy_helper.from_array(np.sign(dense).astype(np.int8), f"{name}/signs"),
                                        numpy_helper.from_array(np.float32(np.abs(dense).max()).reshape(()), f"{name}/alpha")])
        added += [helper.make_node("Cast", [f"{name}/signs"], [f"{name}/float"], name=f"{name}/cast", to=onnx.TensorProto.FLOAT),
                  helper.make_node("Mul", [f"{name}/float", f"{name}/alpha"], [name], name=f"{name}/scale")]
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(added + nodes)
    common.finish(proto, path)


def freeze(model):
    """Binary weights become what the forward pass sees."""
    names = set()
    with torch.no_grad():
        for name, layer in model.named_modules():
            if isinstance(layer, BinaryConv):
                layer.weight.copy_(torch.where(layer.weight < 0, -1.0, 1.0) * layer.alpha())
                layer.__class__ = nn.Conv2d
                names.add(name + ".weight")
    return names


TEXT = {
    "vgg": "A binary network in the manner of VGG-small: a float stem, three 3×3 convolutions of ±1 by ±α behind it (conv → ReLU → BatchNormalization → max-pool → Sign), a float head; trained by ReSTE.",
    "resnet": "A binary residual network (Bi-Real): a float stem, five 3×3 convolutions of ±1 by ±α, each with BatchNormalization and a float shortcut around it, a float head; trained by ReSTE.",
    "vgg-mst": "`fashion-bnn-vgg` trained with a pull of each filter to its parent in a minimum spanning tree over its layer's filters, so that computing a filter from its parent takes few operations.",
    "vgg-mst-signed": "`fashion-bnn-vgg-mst` whose filters are pulled to their parents or to the opposite of them, whichever is nearer: a filter and its opposite cost the same to compute.",
    "vgg-slim": "`fashion-bnn-vgg` with seven eighths of its channels, 28, 56, 56 and 112, and so 0.77 of its products of signs: what a network of fewer channels costs in accuracy beside one whose filters are pulled together.",
}


def main(kind):
    common.seed(12)
    model = ResNet() if kind == "resnet" else Vgg(SLIM if kind == "vgg-slim" else WIDTH)
    layers = [layer for layer in model.modules() if isinstance(layer, BinaryConv)]
    total = EPOCHS[kind] * ((60000 + BATCH - 1) // BATCH)

    def after_step(count):
        Sign.power = 1 + (LAST_POWER - 1) * count / total

    common.train_classifier(model, SHAPE, EPOCHS[kind], BATCH, RATE, weight_decay=0, flip=True, before_step=TreePull(layers, kind == "vgg-mst-signed") if kind.startswith("vgg-mst") else None, after_step=after_step)
    apart = shares(layers, kind == "vgg-mst-signed")
    names = freeze(model)
    model.eval()
    images, _ = common.fashion("t10k")
    name = f"fashion-bnn-{kind}"
    path = common.MODELS / name / "model.onnx"
    common.export(model, torch.zeros(2, *SHAPE), path, ["x"], ["logits"], {"x": {0: "N"}, "logits": {0: "N"}})
    store_signs(path, names)
    text = TEXT[kind] + "\n\nThe file keeps each binary weight as its signs in int8, a Cast and a Mul by α. Along the minimum spanning trees of its layers a filter differs from its parent in " \
        + ", ".join(f"{share:.1%}" for share in apart) + " of its weights."
    common.write_classifier(name, SHAPE, common.predict(model, common.to_input(images, SHAPE)), text, f"python3 bench/models/train/fashion_bnn.py {kind}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TEXT:
        sys.exit(f"usage: fashion_bnn.py {'|'.join(TEXT)}")
    main(sys.argv[1])
