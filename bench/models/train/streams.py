"""What the scripts of models that run on a stream share: events, export with labels, and standing aside."""
import os
import time

import numpy as np
import onnx
from torch import nn
from torch.nn import functional as F

import common


def wait():
    """Sleeps while the file named by HOLD_FILE exists: measurements want the machine for themselves."""
    while os.path.exists(os.environ.get("HOLD_FILE", "")):
        time.sleep(0.2)


def reach(kernel, stride=1, dilation=1):
    """Zeros before the signal with which a convolution looks at no sample to come and gives a frame for every stride samples."""
    return dilation * (kernel - 1) - (stride - 1)


class Causal(nn.Conv1d):
    """A convolution over the past, without bias."""

    def __init__(self, channels, filters, kernel, stride=1, dilation=1):
        super().__init__(channels, filters, kernel, stride=stride, dilation=dilation, bias=False)

    def forward(self, x):
        return super().forward(F.pad(x, (reach(self.kernel_size[0], self.stride[0], self.dilation[0]), 0)))


def events(p, threshold, seconds, gap=0.0, least=0.0, delay=0.0):
    """
    (label, time of the highest value, that value) of every run of results at or above the threshold, as 'engine stream --events' tells them: p is [labels, results], a result
    every so many seconds, about the signal delay seconds before its newest sample; an interruption of at most gap seconds does not end a run, and a run of less than least seconds is none.
    """
    found = []
    for k, row in enumerate(p):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row >= threshold, [0]]).astype(int))).reshape(-1, 2)
        starts = [i for i in range(len(edges)) if i == 0 or (edges[i][0] - edges[i - 1][1]) * seconds > gap + 1e-9]
        for i, end in zip(starts, starts[1:] + [len(edges)]):
            a, b = edges[i][0], edges[end - 1][1]
            if (b - a) * seconds < least - 1e-9:
                continue
            best = a + int(row[a:b].argmax())
            found.append((k, (best + 1) * seconds - delay, float(row[best])))
    return sorted(found, key=lambda e: e[1])


def join_pads(graph):
    """Makes convolutions causal by their own padding, instead of by the Pad and what computes its sizes before each."""
    made = {o: n for n in graph.node for o in n.output}
    for conv in [n for n in graph.node if n.op_type == "Conv"]:
        pad = made.get(conv.input[0])
        if pad is None or pad.op_type != "Pad":
            continue
        a = {a.name: a for a in conv.attribute}
        a["pads"].ints[:] = [reach(a["kernel_shape"].ints[0], a["strides"].ints[0], a["dilations"].ints[0]), 0]
        conv.input[0] = pad.input[0]
    keep, ahead = set(), [made[o.name] for o in graph.output]
    while ahead:
        node = ahead.pop()
        if node.output[0] not in keep:
            keep.add(node.output[0])
            ahead += [made[i] for i in node.input if i in made]
    for node in [n for n in graph.node if n.output[0] not in keep]:
        graph.node.remove(node)
    if any(n.op_type == "Pad" for n in graph.node):
        raise RuntimeError("a Pad is not before a convolution")


def export(model, example, path, source, result, labels, **metadata):
    """A model of [N, channels, T] to [N, labels, frames]; labels and the rest of the metadata go with it, as 'engine stream' reads them."""
    common.export(model, example, path, [source], [result], {source: {0: "N", 2: "T"}, result: {0: "N", 2: "F"}})
    proto = onnx.load(str(path))
    join_pads(proto.graph)
    for key, value in {"labels": ",".join(labels), **metadata}.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = "engine." + key, str(value)
    common.finish(proto, path)
