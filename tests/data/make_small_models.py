"""Writes the five models that the mutation sweeps truncate and flip: each runs real operators and is smaller than 4 KiB.

    python3 tests/data/make_small_models.py        (needs python3-onnx and python3-numpy)
"""
import os
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "small")
rng = np.random.default_rng(7)


def f32(name, *shape):
    return nh.from_array((rng.standard_normal(shape) * 0.5).astype(np.float32), name)


def i64(name, *values):
    return nh.from_array(np.array(values, np.int64), name)


def value(name, kind, *shape):
    return h.make_tensor_value_info(name, kind, shape)


def save(name, graph):
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], producer_name="engine tests")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    path = os.path.join(OUT, name + ".onnx")
    onnx.save(model, path)
    assert os.path.getsize(path) < 4096, (name, os.path.getsize(path))


def cnn():
    nodes = [
        h.make_node("Conv", ["x", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        h.make_node("BatchNormalization", ["c1", "g", "beta", "mean", "var"], ["n1"]),
        h.make_node("Relu", ["n1"], ["r1"]),
        h.make_node("Conv", ["r1", "w2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=4),
        h.make_node("Add", ["c2", "r1"], ["a2"]),
        h.make_node("MaxPool", ["a2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        h.make_node("Flatten", ["p2"], ["f"]),
        h.make_node("Gemm", ["f", "w3", "b3"], ["l"], transB=1),
        h.make_node("Softmax", ["l"], ["y"], axis=-1),
    ]
    weights = [f32("w1", 4, 1, 3, 3), f32("b1", 4), f32("g", 4), f32("beta", 4), f32("mean", 4),
               nh.from_array(np.array([0.5, 1, 1.5, 2], np.float32), "var"), f32("w2", 4, 1, 3, 3), f32("w3", 3, 16), f32("b3", 3)]
    save("cnn", h.make_graph(nodes, "cnn", [value("x", T.FLOAT, 1, 1, 8, 8)], [value("y", T.FLOAT, 1, 3)], weights))


def recurrent():
    nodes = [
        h.make_node("LSTM", ["x", "w", "r", "b", "", "h0", "c0"], ["seq", "h", "c"], hidden_size=3),
        h.make_node("Squeeze", ["seq", "axis1"], ["s"]),
        h.make_node("Slice", ["s", "from", "to", "axis0"], ["tail"]),
        h.make_node("MatMul", ["tail", "p"], ["m"]),
        h.make_node("Tanh", ["m"], ["y"]),
    ]
    weights = [f32("w", 1, 12, 2), f32("r", 1, 12, 3), f32("b", 1, 24), f32("h0", 1, 1, 3), f32("c0", 1, 1, 3), i64("axis1", 1),
               i64("from", -2), i64("to", 1000), i64("axis0", 0), f32("p", 3, 2)]
    save("recurrent", h.make_graph(nodes, "recurrent", [value("x", T.FLOAT, 5, 1, 2)], [value("y", T.FLOAT, 2, 1, 2), value("h", T.FLOAT, 1, 1, 3)], weights))


def control():
    body = h.make_graph(
        [h.make_node("Mul", ["v", "half"], ["scaled"]), h.make_node("Add", ["scaled", "x"], ["next"]), h.make_node("Identity", ["go"], ["again"]), h.make_node("Neg", ["next"], ["out"])],
        "body", [value("i", T.INT64), value("go", T.BOOL), value("v", T.FLOAT, 3)], [value("again", T.BOOL), value("next", T.FLOAT, 3), value("out", T.FLOAT, 3)])
    then = h.make_graph([h.make_node("ReduceSum", ["all", "axis"], ["t"], keepdims=0)], "then", [], [value("t", T.FLOAT, 3)])
    other = h.make_graph([h.make_node("ReduceMax", ["all"], ["o"], axes=[0], keepdims=0)], "else", [], [value("o", T.FLOAT, 3)])
    nodes = [
        h.make_node("Loop", ["trips", "", "x"], ["last", "all"], body=body),
        h.make_node("ReduceMean", ["last"], ["mean"], keepdims=0),
        h.make_node("Greater", ["mean", "zero"], ["positive"]),
        h.make_node("If", ["positive"], ["y"], then_branch=then, else_branch=other),
    ]
    weights = [nh.from_array(np.array(0.5, np.float32), "half"), nh.from_array(np.array(0, np.float32), "zero"), i64("axis", 0), nh.from_array(np.array(4, np.int64), "trips")]
    save("control", h.make_graph(nodes, "control", [value("x", T.FLOAT, 3)], [value("y", T.FLOAT, 3)], weights))


def shapes():
    nodes = [
        h.make_node("Shape", ["x"], ["s"]),
        h.make_node("Gather", ["s", "first"], ["n"], axis=0),
        h.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        h.make_node("Reshape", ["x", "target"], ["r"]),
        h.make_node("Resize", ["r4", "", "scales"], ["big"], mode="linear"),
        h.make_node("Unsqueeze", ["r", "front"], ["r4"]),
        h.make_node("Pad", ["big", "pads"], ["padded"], mode="reflect"),
        h.make_node("Transpose", ["padded"], ["t"], perm=[0, 1, 3, 2]),
        h.make_node("TopK", ["t", "k"], ["values", "indices"], axis=-1),
        h.make_node("NonZero", ["x"], ["places"]),
        h.make_node("Cast", ["places"], ["p"], to=T.FLOAT),
        h.make_node("ReduceSum", ["p"], ["y2"], keepdims=1),
        h.make_node("Einsum", ["values"], ["y"], equation="abcd->bd"),
    ]
    nodes[4], nodes[5] = nodes[5], nodes[4]
    weights = [i64("first", 0), i64("rest", 2, -1), i64("front", 0), nh.from_array(np.array([1, 1, 2, 1.5], np.float32), "scales"), i64("pads", 0, 0, 1, 1, 0, 0, 1, 1), i64("k", 2)]
    save("shapes", h.make_graph(nodes, "shapes", [value("x", T.FLOAT, 2, 6)], [value("y", T.FLOAT, 2, 2), value("y2", T.FLOAT, 1, 1)], weights))


def quantized():
    nodes = [
        h.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        h.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        h.make_node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], axis=0),
        h.make_node("Conv", ["xd", "wd"], ["c"], kernel_shape=[3, 3]),
        h.make_node("Relu", ["c"], ["r"]),
        h.make_node("QuantizeLinear", ["r", "ys", "yz"], ["rq"]),
        h.make_node("DequantizeLinear", ["rq", "ys", "yz"], ["rd"]),
        h.make_node("GlobalAveragePool", ["rd"], ["y"]),
    ]
    weights = [nh.from_array(np.array(0.02, np.float32), "xs"), nh.from_array(np.array(128, np.uint8), "xz"), nh.from_array(rng.integers(-127, 127, (4, 2, 3, 3)).astype(np.int8), "wq"),
               nh.from_array(np.array([0.01, 0.02, 0.005, 0.03], np.float32), "ws"), nh.from_array(np.zeros(4, np.int8), "wz"), nh.from_array(np.array(0.1, np.float32), "ys"), nh.from_array(np.array(0, np.uint8), "yz")]
    save("quantized", h.make_graph(nodes, "quantized", [value("x", T.FLOAT, 1, 2, 6, 6)], [value("y", T.FLOAT, 1, 4, 1, 1)], weights))


os.makedirs(OUT, exist_ok=True)
for make in (cnn, recurrent, control, shapes, quantized):
    make()
