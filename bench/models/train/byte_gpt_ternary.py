"""The byte-level language model with weights −1, 0, +1 times a scale a group: trained on from byte-gpt with rounding in the forward pass."""
import json

import numpy as np
import onnx
from onnx import helper, numpy_helper
import torch
from torch import nn

import byte_gpt
import common

GROUP, STEPS, BATCH, RATE = 64, 700, 16, 2e-3


def ternary(w):
    """Codes −1, 0, +1 of w [out, in] and their scales [out, in / GROUP]: the mean magnitude of a group."""
    groups = w.reshape(w.shape[0], -1, GROUP)
    scale = groups.abs().mean(2, keepdim=True).clamp(min=1e-8)
    return (groups / scale).round().clamp(-1, 1), scale


class Ternary(nn.Linear):
    """The forward pass sees the rounded weight, the gradient goes to the float one (straight through)."""

    def forward(self, x):
        codes, scale = ternary(self.weight)
        rounded = (codes * scale).reshape(self.weight.shape)
        return nn.functional.linear(x, self.weight + (rounded - self.weight).detach(), self.bias)


def load():
    """byte-gpt with its trained weights, linear layers of the blocks made ternary."""
    proto = onnx.load(str(common.MODELS / "byte-gpt" / "model.onnx"))
    tensors = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    products = [tensors[n.input[1]] for n in proto.graph.node if n.op_type == "MatMul" and n.input[1] in tensors]
    model = byte_gpt.ByteGpt()
    state = {k: torch.from_numpy(tensors[k].copy()) for k in model.state_dict() if k in tensors}
    linears = [f"blocks.{i}.{part}.weight" for i in range(byte_gpt.BLOCKS) for part in ("query", "key", "value", "merge", "up", "down")]
    state.update({name: torch.from_numpy(w.T.copy()) for name, w in zip(linears, products)})
    model.load_state_dict(state)
    for block in model.blocks:
        for name in ("query", "key", "value", "merge", "up", "down"):
            getattr(block, name).__class__ = Ternary
    return model


def freeze(model):
    """Weights become their rounded values; the codes and scales of each, by the bytes of the transposed weight."""
    packed = {}
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Ternary):
                codes, scale = ternary(module.weight)
                module.weight.copy_((codes * scale).reshape(module.weight.shape))
                module.__class__ = nn.Linear
                packed[np.ascontiguousarray(module.weight.numpy().T).tobytes()] = (codes.numpy().astype(np.int8) + 1, scale.numpy())
    return packed


def compress(path, packed):
    """MatMul by a rounded weight becomes com.microsoft.MatMulNBits: 2-bit codes less 1, low bits first, times a scale a group."""
    proto = onnx.load(str(path))
    tensors = {t.name: t for t in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in tensors:
            continue
        dense = numpy_helper.to_array(tensors[node.input[1]])
        if dense.tobytes() not in packed:
            continue
        codes, scale = packed[dense.tobytes()]
        quads = codes.astype(np.uint8).reshape(codes.shape[0], codes.shape[1], GROUP // 4, 4)
        name, (k, n) = node.input[1], dense.shape
        zeros = np.full((n, (codes.shape[1] * 2 + 7) // 8), 0x55, np.uint8)
        proto.graph.initializer.remove(tensors.pop(name))
        proto.graph.initializer.extend([numpy_helper.from_array((quads << np.array([0, 2, 4, 6], np.uint8)).sum(3).astype(np.uint8), f"{name}/codes"),
                                        numpy_helper.from_array(scale.reshape(-1).copy(), f"{name}/scales"), numpy_helper.from_array(zeros.reshape(-1), f"{name}/zeros")])
        node.CopyFrom(helper.make_node("MatMulNBits", [node.input[0], f"{name}/codes", f"{name}/scales", f"{name}/zeros"], list(node.output), name=node.name, domain="com.microsoft",
                                       N=n, K=k, bits=2, block_size=GROUP))
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(proto, str(path))


def main():
    common.seed(8)
    training, held = byte_gpt.text()
    sample = held[:byte_gpt.WINDOWS * byte_gpt.CONTEXT + 1]
    data = torch.from_numpy(np.frombuffer(training, np.uint8).copy())
    test = torch.from_numpy(np.frombuffer(sample, np.uint8).copy())
    model = load()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
    byte_gpt.train(model, data, optimizer, STEPS, BATCH, RATE)
    packed = freeze(model)
    score = byte_gpt.bits(model, test)

    folder = common.MODELS / "byte-gpt-ternary"
    first = byte_gpt.windows(test, 2)
    common.export(model, first, folder / "model.onnx", ["x"], ["logits"], {"x": {0: "N", 1: "T"}, "logits": {0: "N", 1: "T"}})
    compress(folder / "model.onnx", packed)
    with torch.no_grad():
        common.write_case(folder, {"x": first[:, :48].numpy()}, {"logits": model(first[:, :48]).numpy()})
    np.save(folder / "input.npy", first[:1].numpy())
    parameters = sum(p.numel() for p in model.parameters())
    facts = {"dataset": "kjv", "split": "every twentieth chapter", "text": "../byte-gpt/heldout.txt", "metric": "bits_per_byte", "unit": "bits", "bits_per_byte": round(score, 5),
             "windows": byte_gpt.WINDOWS, "context": byte_gpt.CONTEXT, "input": "x", "output": "logits", "parameters": parameters}
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size = (folder / "model.onnx").stat().st_size
    (folder / "README.md").write_text(f"""# byte-gpt-ternary

[byte-gpt](../byte-gpt/README.md) with the weights of its blocks rounded to −1, 0 or +1 times a scale for each {GROUP} inputs: trained on for {STEPS} steps with the rounding in the forward pass
and the gradient straight through it. Embedding, positions, norms and head stay float32.

- **{score:.3f} bits a byte** on the held-out text of byte-gpt, measured by the script; `accuracy.json` says the same to a program.
- The products are `com.microsoft.MatMulNBits` nodes of 2 bits with a zero point of 1. Inputs, outputs and test data are byte-gpt's. Opset 17, {size:,} bytes.

Made by `python3 bench/models/train/byte_gpt_ternary.py` after `byte_gpt.py` (see `bench/models/train/README.md`). Data and its terms: as byte-gpt.
""")
    print(f"byte-gpt-ternary: {score:.4f} bits a byte, {size} bytes")


if __name__ == "__main__":
    main()
