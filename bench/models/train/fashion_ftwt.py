"""A CNN on Fashion-MNIST that picks the filters of each layer by sample (Fire-Together-Wire-Together, Elkerdawy et al., CVPR 2022).

A predictor (global average pool of a layer's input, 1×1 convolution) says which filters are worth computing. Its truth is the smallest set of filters that holds a share
of the energy of the layer's outputs, after batch normalization, residual and ReLU; it learns that truth by binary cross entropy, while the network learns the task with
the filters that the predictor leaves. Dropped filters give zeros, so that the next layer need not read them.
"""
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common

SHAPE = (1, 28, 28)
ENERGY = 0.8
DENSE_EPOCHS, MASKED_EPOCHS, BATCH, RATE = 3, 3, 128, 3e-3


class Masked(nn.Module):
    """relu(bn(conv(x)) [+ residual]) · (predictor(mean of x) > 0)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.predictor = nn.Conv2d(inputs, outputs, 1)
        nn.init.constant_(self.predictor.bias, 2.0)
        self.active, self.loss, self.kept = False, 0.0, None

    def forward(self, x, residual=None):
        y = self.norm(self.conv(x))
        y = F.relu(y if residual is None else y + residual)
        if not self.active:
            return y
        logits = self.predictor(self.pool(x.detach()))
        if self.training:
            self.loss = F.binary_cross_entropy_with_logits(logits.flatten(1), truth(y.detach()))
        mask = (logits > 0).float()
        self.kept = mask.flatten(1)
        return y * mask


def truth(y):
    energy = y.pow(2).sum((2, 3))
    ranked, order = energy.sort(1, descending=True)
    before = ranked.cumsum(1) - ranked
    keep = (before < ENERGY * ranked.sum(1, keepdim=True)).float()
    return torch.zeros_like(keep).scatter(1, order, keep)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
        self.widen = Masked(16, 32)
        self.first = Masked(32, 32)
        self.second = Masked(32, 32)
        self.pool = nn.MaxPool2d(2)
        self.last = Masked(32, 64)
        self.head = nn.Linear(64 * 7 * 7, 10)

    def forward(self, x):
        x = self.widen(self.stem(x))
        x = self.pool(self.second(self.first(x), x))
        return self.head(torch.flatten(self.last(x), 1))

    def masked(self):
        return [self.widen, self.first, self.second, self.last]


def train_masked(model):
    images, labels = common.fashion("train")
    x, y = torch.from_numpy(common.to_input(images, SHAPE)), torch.from_numpy(labels.astype(np.int64))
    for layer in model.masked():
        layer.active = True
    steps = (len(x) + BATCH - 1) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=MASKED_EPOCHS * steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    start = time.time()
    for epoch in range(MASKED_EPOCHS):
        model.train()
        order = torch.randperm(len(x))
        total = truths = 0.0
        for step in range(steps):
            pick = order[step * BATCH:(step + 1) * BATCH]
            loss = criterion(model(x[pick]), y[pick])
            masks = sum(layer.loss for layer in model.masked())
            optimizer.zero_grad()
            (loss + masks).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total, truths = total + loss.item() * len(pick), truths + masks.item() * len(pick)
            common.progress(f"masked epoch {epoch + 1}/{MASKED_EPOCHS}  {step + 1}/{steps}  {time.time() - start:.0f} s")
        print(f"\rmasked epoch {epoch + 1}/{MASKED_EPOCHS}  loss {total / len(x):.4f}  predictors {truths / len(x):.4f}  {time.time() - start:.0f} s", flush=True)
    model.eval()


def saved(model, x):
    """Share of filters kept by layer, and of the masked layers' multiplications that are left, over all samples."""
    kept = [[] for _ in model.masked()]
    with torch.no_grad():
        for i in range(0, len(x), 500):
            model(torch.from_numpy(x[i:i + 500]))
            for rows, layer in zip(kept, model.masked()):
                rows.append(layer.kept.numpy())
    out = [np.concatenate(rows).mean(1) for rows in kept]
    inputs = [np.ones_like(out[0]), out[0], out[1], out[2]]
    work = [16 * 32 * 196, 32 * 32 * 196, 32 * 32 * 196, 32 * 64 * 49]
    left = sum(w * a * b for w, a, b in zip(work, inputs, out)).mean() / sum(work)
    return [float(o.mean()) for o in out], float(left)


def main():
    common.seed(4)
    model = Net()
    common.train_classifier(model, SHAPE, epochs=DENSE_EPOCHS, batch=BATCH, rate=6e-3, flip=True)
    images, labels = common.fashion("t10k")
    x = common.to_input(images, SHAPE)
    dense = int((common.predict(model, x).argmax(1) == labels).sum())
    train_masked(model)
    logits = common.predict(model, x)
    shares, left = saved(model, x)
    print("dense", dense, "kept", shares, "multiplications left", left, flush=True)
    folder = common.MODELS / "fashion-ftwt"
    common.export(model, torch.zeros(2, *SHAPE), folder / "model.onnx", ["x"], ["logits"], {"x": {0: "N"}, "logits": {0: "N"}})
    common.write_classifier("fashion-ftwt", SHAPE, logits,
                            "A convolutional classifier of clothing that picks its filters by sample (Fire-Together-Wire-Together): behind a stem, four 3×3 convolutions, each with a "
                            "predictor (global average pool of its input, 1×1 convolution) whose positive logits say which filters are kept; the mask is multiplied after batch "
                            f"normalization, residual and ReLU. Predictors learned the filters that hold {ENERGY:.0%} of a layer's energy.\n\n"
                            f"On the test images {', '.join(f'{s:.0%}' for s in shares)} of the four layers' filters are kept; with inputs skipped where the layer before dropped them, "
                            f"{left:.0%} of their multiplications are left. Before the masks were learned, the same network got {dense:,} of {len(labels):,} images right.",
                            "python3 bench/models/train/fashion_ftwt.py")


if __name__ == "__main__":
    main()
