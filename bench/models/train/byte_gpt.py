"""A language model over bytes: a causal transformer that predicts each next byte of the King James Bible."""
import json
import re
import shutil
import subprocess
import time

import numpy as np
import torch
from torch import nn

import common

CONTEXT, WIDTH, HEADS, BLOCKS = 128, 128, 4, 4
WINDOWS = 1024


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = WIDTH // HEADS
        self.before_attention = nn.LayerNorm(WIDTH)
        self.query, self.key, self.value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.merge = nn.Linear(WIDTH, WIDTH)
        self.before_mlp = nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.gelu = nn.GELU()

    def split(self, x):
        return x.reshape(x.shape[0], -1, HEADS, self.size).transpose(1, 2)

    def forward(self, x, mask):
        y = self.before_attention(x)
        q, k, v = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        scores = torch.softmax(q @ k.transpose(2, 3) * self.size ** -0.5 + mask, dim=3)
        x = x + self.merge((scores @ v).transpose(1, 2).flatten(2))
        return x + self.down(self.gelu(self.up(self.before_mlp(x))))


class ByteGpt(nn.Module):
    """Bytes int64 [N, T], T at most CONTEXT, to logits [N, T, 256] of the byte that follows each; the head is the embedding transposed."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(256, WIDTH)
        self.position = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.02)
        self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -1e4).triu(1), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / (2 * BLOCKS) ** 0.5 if "merge" in name or "down" in name else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, x):
        length = x.shape[1]
        mask = self.mask[:length, :length]
        y = self.embed(x) + self.position[:length]
        for block in self.blocks:
            y = block(y, mask)
        return self.norm(y) @ self.embed.weight.t()


def text():
    """The verses without their references, a line each; every twentieth chapter is held out."""
    if shutil.which("bible") is None:
        raise SystemExit("the program 'bible' is not there: apt-get install bible-kjv")
    lines = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True).stdout.decode("ascii").splitlines()
    parts, chapter, index = ([], []), None, -1
    for line in lines:
        place, verse = line.split(" ", 1)
        here = re.match(r"(.+):\d+$", place).group(1)
        if here != chapter:
            chapter, index = here, index + 1
        parts[index % 20 == 19].append(verse + "\n")
    return ["".join(p).encode("ascii") for p in parts]


def windows(data, count, first=0):
    """Windows of CONTEXT bytes that do not overlap, int64 [count, CONTEXT]."""
    return torch.stack([data[(first + i) * CONTEXT:(first + i + 1) * CONTEXT] for i in range(count)]).long()


def train(model, data, optimizer, steps, batch, rate):
    """Steps on random windows with a one-cycle rate."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps, pct_start=0.1)
    begin, total = time.time(), 0.0
    for step in range(steps):
        x = torch.stack([data[o:o + CONTEXT + 1] for o in torch.randint(len(data) - CONTEXT - 1, (batch,)).tolist()]).long()
        loss = nn.functional.cross_entropy(model(x[:, :-1]).reshape(-1, 256), x[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 99:
            print(f"step {step + 1}/{steps}  {total / 100 / np.log(2):.3f} bits a byte  {time.time() - begin:.0f} s", flush=True)
            total = 0.0
    model.eval()


def bits(model, data):
    """Mean bits a byte over windows of CONTEXT that do not overlap, each from an empty context."""
    total = 0.0
    with torch.no_grad():
        for i in range(0, WINDOWS, 32):
            total += nn.functional.cross_entropy(model(windows(data, 32, i)).reshape(-1, 256), windows(data[1:], 32, i).reshape(-1), reduction="sum").item()
    return total / (WINDOWS * CONTEXT) / np.log(2)


def main():
    common.seed(7)
    training, held = text()
    sample = held[:WINDOWS * CONTEXT + 1]
    data = torch.from_numpy(np.frombuffer(training, np.uint8).copy())
    test = torch.from_numpy(np.frombuffer(sample, np.uint8).copy())

    model = ByteGpt()
    parameters = sum(p.numel() for p in model.parameters())
    steps, batch, rate = 1200, 16, 4e-3
    decay = [p for p in model.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98))
    train(model, data, optimizer, steps, batch, rate)
    score = bits(model, test)

    folder = common.MODELS / "byte-gpt"
    first = windows(test, 2)
    common.export(model, first, folder / "model.onnx", ["x"], ["logits"], {"x": {0: "N", 1: "T"}, "logits": {0: "N", 1: "T"}})
    with torch.no_grad():
        common.write_case(folder, {"x": first[:, :48].numpy()}, {"logits": model(first[:, :48]).numpy()})
    np.save(folder / "input.npy", first[:1].numpy())
    (folder / "heldout.txt").write_bytes(sample)
    facts = {"dataset": "kjv", "split": "every twentieth chapter", "text": "heldout.txt", "metric": "bits_per_byte", "unit": "bits", "bits_per_byte": round(score, 5),
             "windows": WINDOWS, "context": CONTEXT, "input": "x", "output": "logits", "parameters": parameters}
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size = (folder / "model.onnx").stat().st_size
    (folder / "README.md").write_text(f"""# byte-gpt

A language model over bytes: {BLOCKS} causal transformer blocks of width {WIDTH} with {HEADS} heads, LayerNormalization before each half, GELU, learned positions, the head tied to the embedding;
{parameters:,} parameters, trained on the King James Bible without its verse numbers.

- **{score:.3f} bits a byte** on `heldout.txt`, measured by the script: {WINDOWS:,} windows of {CONTEXT} bytes that do not overlap, each from an empty context; `accuracy.json` says the same to a program.
- Input `x`: int64 [N, T], T at most {CONTEXT}, bytes of text; output `logits`: float32 [N, T, 256], row t for the byte after byte t. Opset 17, {size:,} bytes.
- `heldout.txt`: {len(sample):,} bytes from every twentieth chapter, none of which was trained on; byte i + 1 is the target of byte i.
- `test_data_set_0/`: the first 48 bytes of the first two windows and their logits. `input.npy`: the first window.

Made by `python3 bench/models/train/byte_gpt.py` (see `bench/models/train/README.md`). Data: King James Version, as the Debian package `bible-kjv-text` 4.38 has it. The text's copyright has
expired (in the United Kingdom it is under Crown patent); the package's legend, which its terms ask to go with every copy:

> Bible Retrieval System, Chip Chapin, Hewlett Packard Company. Initial release, September 5, 1989; last updated April 26, 1993.
> This file is provided for unrestricted use provided that this legend is included on all tape media and as a part of the software program in whole or part.
> Users may copy, modify or distribute this file at will.
""")
    print(f"byte-gpt: {score:.4f} bits a byte, {parameters} parameters, {size} bytes")


if __name__ == "__main__":
    main()
