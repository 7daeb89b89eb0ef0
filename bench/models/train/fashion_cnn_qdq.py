"""Post-training quantization of fashion-cnn to int8 QDQ, with calibration on training images.

Folds each BatchNormalization into its convolution, chooses per-channel int8 weights (symmetric), uint8 activations and int32 biases, writes the model with
QuantizeLinear and DequantizeLinear pairs, and measures it by evaluating that very graph in double precision, rounding exactly where the model says so.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import torch
import torch.nn.functional as F

import common

SHAPE = (1, 28, 28)
CALIBRATION = 1000


def load_float():
    """The float model's layers, BatchNormalization folded, by the order of the convolutions and then the head."""
    graph = onnx.load(str(common.MODELS / "fashion-cnn" / "model.onnx")).graph
    value = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in value:
            value[node.output[0]] = value[node.input[0]]
    consumer = {name: node for node in graph.node for name in node.input}
    layers = []
    for node in graph.node:
        if node.op_type == "Conv":
            norm = consumer[node.output[0]]
            assert norm.op_type == "BatchNormalization"
            gamma, beta, mean, var = (value[name] for name in norm.input[1:])
            epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
            factor = gamma / np.sqrt(var + epsilon)
            layers.append((value[node.input[1]] * factor[:, None, None, None], beta - mean * factor))
        elif node.op_type == "Gemm":
            layers.append((value[node.input[1]], value[node.input[2]]))
    assert len(layers) == 5
    return layers


def calibrate(layers):
    """Least and greatest value of every activation that gets a quantizer, over training images."""
    images, _ = common.fashion("train")
    pick = np.random.RandomState(5).choice(len(images), CALIBRATION, replace=False)
    x = torch.from_numpy(common.to_input(images[pick], SHAPE).astype(np.float64))
    w = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in layers]
    seen = {}

    def note(name, t):
        seen[name] = (float(t.min()), float(t.max()))
        return t

    stem = note("stem", F.relu(F.conv2d(x, *w[0], padding=1)))
    wide = note("wide", F.relu(F.conv2d(F.max_pool2d(stem, 2), *w[1], padding=1)))
    inner = note("inner", F.relu(F.conv2d(wide, *w[2], padding=1)))
    outer = note("outer", F.conv2d(inner, *w[3], padding=1))
    note("sum", F.relu(wide + outer))
    return seen


def quantizer(low, high):
    """Scale (float32) and zero point of a uint8 activation; zero is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255)
    return scale, np.uint8(np.clip(np.rint(-low / scale), 0, 255))


def quantize_weight(weight):
    axes = tuple(range(1, weight.ndim))
    scale = (np.abs(weight).max(axes) / 127).astype(np.float32)
    wide = scale.reshape((-1,) + (1,) * len(axes)).astype(np.float64)
    return np.clip(np.rint(weight / wide), -127, 127).astype(np.int8), scale


class Builder:
    """Collects nodes and initializers; remembers the scale of every dequantized activation."""

    def __init__(self):
        self.nodes, self.initializers, self.scales = [], [], {}

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def pair(self, source, name, scale, zero):
        self.scales[name + "_dq"] = (scale, zero)
        s, z = self.constant(name + "_scale", scale), self.constant(name + "_zero_point", zero)
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [source, s, z], name + "_q"), s, z], name + "_dq")

    def repeat(self, source, name, like):
        """A further pair with the scale of an earlier one, behind an operator that keeps the scale."""
        s, z = like + "_scale", like + "_zero_point"
        self.scales[name + "_dq"] = self.scales[like + "_dq"]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [source, s, z], name + "_q"), s, z], name + "_dq")

    def parameters(self, name, weight, bias, source):
        """Per-channel int8 weight and int32 bias behind DequantizeLinear; returns their names."""
        q, scale = quantize_weight(weight)
        step = (scale * self.scales[source][0]).astype(np.float32)
        b = np.clip(np.rint(bias / step.astype(np.float64)), -2**31, 2**31 - 1).astype(np.int32)
        w_dq = self.node("DequantizeLinear", [self.constant(name + "_weight", q), self.constant(name + "_weight_scale", scale),
                                              self.constant(name + "_weight_zero_point", np.zeros(len(scale), np.int8))], name + "_weight_dq", axis=0)
        b_dq = self.node("DequantizeLinear", [self.constant(name + "_bias", b), self.constant(name + "_bias_scale", step),
                                              self.constant(name + "_bias_zero_point", np.zeros(len(scale), np.int32))], name + "_bias_dq", axis=0)
        return w_dq, b_dq

    def conv(self, source, name, weight, bias):
        return self.node("Conv", [source, *self.parameters(name, weight, bias, source)], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def build(layers, seen):
    b = Builder()
    x = b.pair("x", "x", np.float32(1) / np.float32(255), np.uint8(0))
    stem = b.pair(b.node("Relu", [b.conv(x, "conv0", *layers[0])], "relu0"), "stem", *quantizer(*seen["stem"]))
    stem = b.repeat(b.node("MaxPool", [stem], "pool0", kernel_shape=[2, 2], strides=[2, 2]), "stem_pooled", "stem")
    wide = b.pair(b.node("Relu", [b.conv(stem, "conv1", *layers[1])], "relu1"), "wide", *quantizer(*seen["wide"]))
    inner = b.pair(b.node("Relu", [b.conv(wide, "conv2", *layers[2])], "relu2"), "inner", *quantizer(*seen["inner"]))
    outer = b.pair(b.conv(inner, "conv3", *layers[3]), "outer", *quantizer(*seen["outer"]))
    total = b.pair(b.node("Relu", [b.node("Add", [wide, outer], "add")], "relu3"), "sum", *quantizer(*seen["sum"]))
    total = b.repeat(b.node("MaxPool", [total], "pool1", kernel_shape=[2, 2], strides=[2, 2]), "sum_pooled", "sum")
    flat = b.repeat(b.node("Flatten", [total], "flatten", axis=1), "flat", "sum")
    b.node("Gemm", [flat, *b.parameters("head", *layers[4], flat)], "logits", transB=1)
    graph = helper.make_graph(b.nodes, "fashion-cnn-qdq", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *SHAPE])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], b.initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="fashion_cnn_qdq.py")


def attributes(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def evaluate(model, x):
    """The model's nodes in double precision; quantizers round half to even and saturate, as ONNX has it."""
    graph = model.graph
    value = {t.name: torch.from_numpy(numpy_helper.to_array(t).astype(np.float64)) for t in graph.initializer}
    kind = {t.name: t.data_type for t in graph.initializer}
    value["x"] = torch.from_numpy(x.astype(np.float64))
    for node in graph.node:
        v, a = [value[name] for name in node.input], attributes(node)
        if node.op_type == "QuantizeLinear":
            assert kind[node.input[2]] == TensorProto.UINT8
            out = torch.clamp(torch.round(v[0] / v[1]) + v[2], 0, 255)
        elif node.op_type == "DequantizeLinear":
            shape = (-1,) + (1,) * (v[0].dim() - 1) if v[1].dim() else ()
            out = (v[0] - v[2].reshape(shape)) * v[1].reshape(shape)
        elif node.op_type == "Conv":
            out = F.conv2d(*v, padding=1)
        elif node.op_type == "Gemm":
            out = F.linear(*v)
        elif node.op_type == "MaxPool":
            out = F.max_pool2d(v[0], 2)
        else:
            out = {"Relu": F.relu, "Add": torch.add, "Flatten": lambda t: torch.flatten(t, 1)}[node.op_type](*v)
        value[node.output[0]] = out
    return value["logits"].numpy()


def main():
    common.seed(5)
    layers = load_float()
    model = build(layers, calibrate(layers))
    folder = common.MODELS / "fashion-cnn-qdq"
    folder.mkdir(parents=True, exist_ok=True)
    common.finish(model, folder / "model.onnx")
    images, _ = common.fashion("t10k")
    x = common.to_input(images, SHAPE)
    logits = np.concatenate([evaluate(model, x[i:i + 250]) for i in range(0, len(x), 250)])
    common.write_classifier("fashion-cnn-qdq", SHAPE, logits,
                            "`fashion-cnn` after post-training quantization to int8 in the QDQ form: BatchNormalization folded, weights int8 per output channel, biases int32, "
                            f"activations uint8, ranges from {CALIBRATION:,} training images. The logits stay float32. Reference outputs come from evaluating the graph in double "
                            "precision with the model's own rounding.", "python3 bench/models/train/fashion_cnn_qdq.py")


if __name__ == "__main__":
    main()
