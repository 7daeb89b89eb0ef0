"""A beat detector of causal convolutions on raw ECG samples; learns from and is measured against a detector after Pan and Tompkins, which stands here."""
import json
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common
import streams

RATE, FRAME = 360, 4
DELAY = 0.15                         # seconds from the R peak to the middle of the answer
THRESHOLD, GAP = 0.5, 0.2
TOLERANCE = 0.15                     # that of the standard ANSI/AAMI EC57
WARM_UP = 1.0                        # seconds from the start of a stream on which nothing is asked
WINDOW = 2880


def moving_average(x, n):
    return np.convolve(x, np.ones(n) / n, "same")


def band_pass(x, low=5.0, high=15.0, taps=361):
    """A windowed-sinc band-pass without delay."""
    t = np.arange(taps) - taps // 2
    h = (2 * high / RATE * np.sinc(2 * high / RATE * t) - 2 * low / RATE * np.sinc(2 * low / RATE * t)) * np.hamming(taps)
    return np.convolve(x, h, "same")


def pan_tompkins(x):
    """
    Samples of the R peaks: band-pass from 5 to 15 Hz, derivative, square, mean of 150 ms; peaks at least 200 ms apart against a threshold between running levels of
    signal and noise; half of that threshold where a beat is missing for 1.66 mean intervals. After J. Pan and W. J. Tompkins, IEEE Trans. Biomed. Eng. 32 (1985), but
    without delay, as the whole record is at hand.
    """
    filtered = band_pass(x - x.mean())
    slope = np.convolve(filtered, np.array([1, 2, 0, -2, -1]) * RATE / 8, "same")
    energy = moving_average(slope ** 2, int(0.15 * RATE))
    peaks, refractory = [], int(0.2 * RATE)
    for i in np.flatnonzero((energy[1:-1] > energy[:-2]) & (energy[1:-1] >= energy[2:])) + 1:
        if peaks and i - peaks[-1] < refractory:
            if energy[i] > energy[peaks[-1]]:
                peaks[-1] = i
        else:
            peaks.append(i)
    signal, noise = 0.25 * energy[:2 * RATE].max(), 0.5 * energy[:2 * RATE].mean()
    beats, passed = [], []
    for i in peaks:
        threshold = noise + 0.25 * (signal - noise)
        while len(beats) > 1 and i - beats[-1] > 1.66 * np.mean(np.diff(beats[-9:])):
            missed = [j for j in passed if j - beats[-1] >= refractory and energy[j] > threshold / 2]
            if not missed:
                break
            j = max(missed, key=lambda j: energy[j])
            beats.append(j)
            signal = 0.25 * energy[j] + 0.75 * signal
            threshold = noise + 0.25 * (signal - noise)
        if energy[i] > threshold:
            beats.append(i)
            passed = []
            signal = 0.125 * energy[i] + 0.875 * signal
        else:
            passed.append(i)
            noise = 0.125 * energy[i] + 0.875 * noise
    reach = int(0.1 * RATE)
    beats = np.unique([max(0, b - reach) + int(np.abs(filtered[max(0, b - reach):b + reach]).argmax()) for b in beats])
    return beats[np.diff(beats, prepend=-refractory) >= refractory]


class Detector(nn.Module):
    """ecg [N, 1, T] in units of the converter, T a multiple of 4, to the probability of an R peak 0.15 s ago, [N, 1, T / 4]."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation
        self.strided = nn.ModuleList([streams.Causal(1, 8, 9, stride=2), streams.Causal(8, 16, 9, stride=2)])
        self.dilated = nn.ModuleList(streams.Causal(16, 16, 5, dilation=d) for d in (1, 2, 4, 8))
        self.norms = nn.ModuleList(nn.BatchNorm1d(c) for c in (8, 16, 16, 16, 16, 16))
        self.head = nn.Conv1d(16, 1, 1)

    def decide(self, ecg):
        x = (ecg - self.mean) / self.deviation
        for conv, norm in zip([*self.strided, *self.dilated], self.norms):
            x = F.relu(norm(conv(x)))
        return self.head(x)

    def forward(self, ecg):
        return torch.sigmoid(self.decide(ecg))


def targets(beats, samples):
    """1 within 33 ms of the answer's middle, and a weight of 0 a little beyond."""
    newest = (np.arange(samples // FRAME) + 1) * FRAME - 1
    far = np.abs(newest[:, None] - DELAY * RATE - beats[None]).min(1) / RATE
    return (far < 0.033).astype(np.float32), ((far < 0.033) | (far > 0.066)).astype(np.float32)


def train(model, signal, beats, epochs=20, steps=60, batch=16):
    y, weight = (torch.from_numpy(a) for a in targets(beats, len(signal)))
    ecg = torch.from_numpy(signal)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * steps)
    t = torch.arange(WINDOW) / RATE
    begin = time.time()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for _ in range(steps):
            streams.wait()
            starts = (torch.randint((len(signal) - WINDOW) // FRAME, (batch,)) * FRAME).tolist()
            x = torch.stack([ecg[s:s + WINDOW] for s in starts])[:, None] - model.mean
            # Other gains, a wandering baseline, noise.
            x = x * torch.exp(0.3 * torch.randn(batch, 1, 1)) + model.deviation * (
                0.5 * torch.randn(batch, 1, 1) * torch.sin(2 * np.pi * (0.1 + 0.5 * torch.rand(batch, 1, 1)) * t + 6.3 * torch.rand(batch, 1, 1)) + 0.1 * torch.rand(batch, 1, 1) * torch.randn(batch, 1, WINDOW))
            goal, w = (torch.stack([a[s // FRAME:(s + WINDOW) // FRAME] for s in starts])[:, None].clone() for a in (y, weight))
            w[:, :, :RATE // FRAME] = 0
            loss = F.binary_cross_entropy_with_logits(model.decide(x + model.mean), goal, w * (1 + 3 * goal))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  {time.time() - begin:.0f} s", flush=True)
    model.eval()


def found(model, signal):
    """Times of beats in seconds, from a stream that begins with the signal."""
    with torch.no_grad():
        p = model(torch.from_numpy(signal[:len(signal) // FRAME * FRAME])[None, None])[0].numpy()
    return np.array([t for _, t, _ in streams.events(p, THRESHOLD, FRAME / RATE, GAP, delay=DELAY)])


def matched(times, reference):
    """Beats of the reference that one of the times is near, each time used once, and their distances."""
    left, far = list(times), []
    for r in reference:
        near = min(left, key=lambda t: abs(t - r), default=None)
        if near is not None and abs(near - r) <= TOLERANCE:
            left.remove(near)
            far.append(abs(near - r))
    return far


def main():
    common.seed(8)
    path = common.DATA / "ecg" / "ecg.npy"
    if not path.exists():
        raise SystemExit(".data/ecg/ecg.npy is not there: run ./build.sh data first")
    raw = np.load(path)
    signal, split = raw.astype(np.float32), len(raw) * 4 // 5
    beats = pan_tompkins(signal.astype(np.float64))
    model = Detector(round(float(signal[:split].mean()), 1), round(float(signal[:split].std()), 1))
    train(model, signal[:split], beats[beats < split])

    # A beat at the very end would be told after it.
    inside = lambda t: t[(t >= split / RATE + WARM_UP) & (t < len(raw) / RATE - 0.5)]
    reference, times = inside(beats / RATE), inside(found(model, signal))
    far = matched(times, reference)
    facts = {"dataset": "ecg", "split": "last fifth", "first_sample": split, "metric": "beats found", "reference": "Pan-Tompkins", "tolerance_s": TOLERANCE, "threshold": THRESHOLD, "delay_s": DELAY,
             "beats": len(reference), "found": len(times), "right": len(far), "sensitivity": round(len(far) / len(reference), 4), "positive_predictive_value": round(len(far) / len(times), 4),
             "mean_distance_ms": round(1000 * float(np.mean(far)), 1)}
    write(model, raw, beats, split, facts)


def write(model, raw, beats, split, facts):
    folder = common.MODELS / "ecg-beats"
    streams.export(model, torch.zeros(2, 1, 720), folder / "model.onnx", "ecg", "beats", ["beat"], rate=RATE, delay=DELAY)
    x = np.stack([raw[split + i * 720:split + (i + 1) * 720] for i in range(common.SAMPLES)])[:, None].astype(np.float32)
    with torch.no_grad():
        common.write_case(folder, {"ecg": x}, {"beats": model(torch.from_numpy(x)).numpy()})
    part = raw[split:split + 20 * RATE]
    np.save(folder / "input.npy", part[None, None].astype(np.float32))
    settled = lambda times: [round(t, 3) for t in times.tolist() if WARM_UP <= t < len(part) / RATE - 0.5]
    facts["input"] = {"file": "input.npy", "from_s": WARM_UP, "to_s": len(part) / RATE - 0.5, "reference_s": settled((beats - split) / RATE), "found_s": settled(found(model, part.astype(np.float32)))}
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size, weights = (folder / "model.onnx").stat().st_size, sum(p.numel() for p in model.parameters())
    (folder / "README.md").write_text(f"""# ecg-beats

Finds the beats of an ECG, sample in, probability out: six causal convolutions on samples as the converter gave them. Every layer runs on a stream as it is, with hops of {FRAME} samples (11 ms); an answer comes {DELAY} s after the R peak.

Trained on the first four fifths of the record in `.data/ecg/ecg.npy` with beats that a detector after Pan and Tompkins (in the script) finds; no annotations of people are at hand. On the last fifth, against the same detector:
{facts['beats']} beats, {facts['found']} found, {facts['right']} of them within {1000 * TOLERANCE:.0f} ms of one: **sensitivity {facts['sensitivity']:.2%}, positive predictive value {facts['positive_predictive_value']:.2%}**, mean distance {facts['mean_distance_ms']} ms. `accuracy.json` says the same to a program.

- Input `ecg`: float32 [N, 1, T], T a multiple of {FRAME}, at {RATE} Hz, 11-bit units of the converter (mean {model.mean}, deviation {model.deviation}); output `beats`: float32 [N, 1, T / {FRAME}], the probability of an R peak {DELAY} s ago. Opset 17, {size:,} bytes, {weights:,} weights.
- `input.npy`: the first 20 s of the last fifth; its beats stand in `accuracy.json`. `test_data_set_0/`: sixteen stretches of 2 s.

Made by `python3 bench/models/train/ecg_beats.py` (see `bench/models/train/README.md`).
""")
    print(f"ecg-beats: {facts}, {size} bytes")


if __name__ == "__main__":
    main()
