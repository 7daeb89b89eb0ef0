"""A CNN on Fashion-MNIST whose smaller versions are parts of it: elastic widths, depth and one elastic kernel, trained with the sandwich rule."""
import json
import random

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

import common

SHAPE = (1, 28, 28)
NAME = "fashion-nested"
WIDTHS = {"one": [16, 32], "two": [16, 32, 48, 64]}
DEPTHS = {"one": [0, 1, 2], "two": [0, 1, 2]}
KERNELS = [3, 5]
FULL = {"one": 32, "two": 64, "depth_one": 2, "depth_two": 2, "kernel": 5}
LEAST = {"one": 16, "two": 16, "depth_one": 0, "depth_two": 0, "kernel": 3}
RECORDED = [FULL, {**FULL, "two": 32}, {**FULL, "one": 16, "two": 32}, {**FULL, "depth_one": 1, "depth_two": 1}, {**FULL, "kernel": 3}, LEAST]


class Nested(nn.Module):
    """No normalization: its statistics would differ for every sub-network. Residual convolutions start small instead."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 32, 5, padding=2)
        self.one = nn.ModuleList(nn.Conv2d(32, 32, 3, padding=1) for _ in range(2))
        self.down = nn.Conv2d(32, 64, 3, padding=1)
        self.two = nn.ModuleList(nn.Conv2d(64, 64, 3, padding=1) for _ in range(2))
        self.head = nn.Linear(64 * 9, 10)
        self.transform = nn.Parameter(torch.eye(9))
        for block in [*self.one, *self.two]:
            nn.init.normal_(block.weight, std=0.5 / (9 * block.in_channels) ** 0.5)
            nn.init.zeros_(block.bias)

    def forward(self, x, s=None):
        s = s or FULL
        a, b = s["one"], s["two"]
        w = self.stem.weight[:a]
        if s["kernel"] == 3:
            w = (w[:, :, 1:4, 1:4].reshape(a, 1, 9) @ self.transform.t()).reshape(a, 1, 3, 3)
        x = F.max_pool2d(torch.relu(F.conv2d(x, w, self.stem.bias[:a], padding=s["kernel"] // 2)), 2)
        for block in self.one[:s["depth_one"]]:
            x = torch.relu(x + F.conv2d(x, block.weight[:a, :a], block.bias[:a], padding=1))
        x = torch.relu(F.conv2d(F.max_pool2d(x, 2), self.down.weight[:b, :a], self.down.bias[:b], padding=1))
        for block in self.two[:s["depth_two"]]:
            x = torch.relu(x + F.conv2d(x, block.weight[:b, :b], block.bias[:b], padding=1))
        x = F.max_pool2d(x, 2)
        return F.linear(torch.flatten(x, 1), self.head.weight[:, :9 * b], self.head.bias)


class Exported(nn.Module):
    """The whole network as plain modules, so that the file has plain initializers."""

    def __init__(self, model):
        super().__init__()
        self.stem, self.one, self.down, self.two, self.head = model.stem, model.one, model.down, model.two, model.head

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.stem(x)), 2)
        for block in self.one:
            x = torch.relu(x + block(x))
        x = torch.relu(self.down(F.max_pool2d(x, 2)))
        for block in self.two:
            x = torch.relu(x + block(x))
        return self.head(torch.flatten(F.max_pool2d(x, 2), 1))


def train(model, epochs, batch, rate):
    """Every step: the full network on the labels, then the least and a random one on what the full one says."""
    images, labels = common.fashion("train")
    x, y = torch.from_numpy(common.to_input(images, SHAPE)), torch.from_numpy(labels.astype(np.int64))
    steps = (len(x) + batch - 1) // batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    pick = random.Random(1)
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        total = 0.0
        for step in range(steps):
            at = order[step * batch:(step + 1) * batch]
            inputs = x[at].flip(-1) if (step + epoch) % 2 else x[at]
            optimizer.zero_grad()
            logits = model(inputs)
            loss = criterion(logits, y[at])
            loss.backward()
            soft = torch.softmax(logits.detach(), 1)
            some = {**{g: pick.choice(c) for g, c in WIDTHS.items()}, **{f"depth_{g}": pick.choice(c) for g, c in DEPTHS.items()}, "kernel": pick.choice(KERNELS)}
            for s in (LEAST, some):
                (0.5 * nn.functional.cross_entropy(model(inputs, s), soft)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(at)
        print(f"epoch {epoch + 1}/{epochs}  loss {total / len(x):.4f}", flush=True)
    model.eval()


def predict(model, x, s):
    with torch.no_grad():
        return np.concatenate([model(torch.from_numpy(x[i:i + 500]), s).numpy() for i in range(0, len(x), 500)])


def losses(model, key, choices):
    """What one smaller choice alone costs, as a part of 10,000 training images that are then wrong, besides those that are wrong anyway."""
    images, labels = common.fashion("train")
    x, labels = common.to_input(images[:10000], SHAPE), labels[:10000]

    def error(s):
        return float((predict(model, x, s).argmax(1) != labels).mean())

    full = error(FULL)
    return [round(max(0.0, error({**FULL, key: c}) - full), 6) for c in choices]


def elastic(model, graph):
    """The description of the elastic dimensions; docs/formats.md has its keys."""
    made = {t: [n.output[0] for n in graph.node if n.op_type == t] for t in ("Relu", "MaxPool")}
    relus = made["Relu"]

    def cut(constant, axis, per=1):
        return {"constant": constant, "axis": axis, **({"per": per} if per > 1 else {})}

    one = [cut("stem.weight", 0), cut("stem.bias", 0), cut("down.weight", 1)]
    two = [cut("down.weight", 0), cut("down.bias", 0), cut("head.weight", 1, 9)]
    for cuts, stage in ((one, "one"), (two, "two")):
        for i in range(2):
            cuts += [cut(f"{stage}.{i}.weight", 0), cut(f"{stage}.{i}.weight", 1), cut(f"{stage}.{i}.bias", 0)]
    stages = {"one": [made["MaxPool"][0], *relus[1:3]], "two": relus[3:6]}
    return {
        "version": 1,
        "width": [{"name": g, "choices": c, "loss": losses(model, g, c), "cuts": k} for (g, c), k in zip(WIDTHS.items(), (one, two))],
        "depth": [{"name": g, "choices": c, "loss": losses(model, f"depth_{g}", c), "blocks": [{"input": w[i], "output": w[i + 1]} for i in range(2)]}
                  for (g, c), w in zip(DEPTHS.items(), stages.values())],
        "kernel": [{"name": "stem", "constant": "stem.weight", "choices": KERNELS, "loss": losses(model, "kernel", KERNELS),
                    "transforms": [{"from": 5, "to": 3, "matrix": [float(v) for v in model.transform.detach().reshape(-1)]}]}],
    }


def main():
    common.seed(1)
    model = Nested()
    train(model, epochs=4, batch=64, rate=2e-3)
    images, labels = common.fashion("t10k")
    x = common.to_input(images, SHAPE)
    folder = common.MODELS / NAME
    common.export(Exported(model), torch.zeros(2, *SHAPE), folder / "model.onnx", ["x"], ["logits"], {"x": {0: "N"}, "logits": {0: "N"}})
    proto = onnx.load(str(folder / "model.onnx"))
    entry = proto.metadata_props.add()
    entry.key, entry.value = "engine.elastic", json.dumps(elastic(model, proto.graph), separators=(",", ":"))
    common.finish(proto, folder / "model.onnx")
    common.write_classifier(NAME, SHAPE, predict(model, x, FULL),
                            "A convolutional classifier of clothing that holds smaller ones: two elastic widths (16 or 32, and 16 to 64 channels), two stages of 0 to 2 residual "
                            "convolutions, and a first convolution of 5×5 or, by a learned transform of its middle, 3×3. Each smaller network is a part of the whole, described in "
                            "the model's metadata (`engine.elastic`). Trained with the sandwich rule: each step the whole on the labels, the least and a random one on what the "
                            "whole says. No normalization, whose statistics would differ from one to the other.\n\n`accuracy.json` lists several of them under `sub_networks`, with "
                            "the predicted classes beside it.",
                            "python3 bench/models/train/fashion_nested.py")
    facts = json.loads((folder / "accuracy.json").read_text())
    facts["sub_networks"] = []
    for i, s in enumerate(RECORDED):
        found = predict(model, x, s).argmax(1).astype(np.uint8)
        file = f"predictions-{i}.bin"
        (folder / file).write_bytes(found.tobytes())
        facts["sub_networks"].append({"width": {g: s[g] for g in WIDTHS}, "depth": {g: s[f"depth_{g}"] for g in DEPTHS}, "kernel": {"stem": s["kernel"]},
                                      "correct": int((found == labels).sum()), "predictions": file})
        print(facts["sub_networks"][-1], flush=True)
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
