"""An LSTM that forecasts an ECG 8 samples (22 ms) ahead, with its state as inputs and outputs, so that it can run sample by sample."""
import json
import time

import numpy as np
import torch
from torch import nn

import common

HIDDEN, AHEAD, WINDOW = 32, 8, 720


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, HIDDEN)
        self.head = nn.Linear(HIDDEN, 1)

    def forward(self, x, h, c):
        states, (h, c) = self.lstm(x, (h, c))
        return self.head(states), h, c


def state(batch):
    return torch.zeros(1, batch, HIDDEN)


def main():
    common.seed(6)
    path = common.DATA / "ecg" / "ecg.npy"
    if not path.exists():
        raise SystemExit(".data/ecg/ecg.npy is not there: run ./build.sh data first")
    raw = np.load(path).astype(np.float32)
    split = len(raw) * 4 // 5
    mean, deviation = round(float(raw[:split].mean()), 1), round(float(raw[:split].std()), 1)
    signal = (raw - np.float32(mean)) / np.float32(deviation)
    train, test = torch.from_numpy(signal[:split]), signal[split:]

    model = Forecaster()
    epochs, batch = 12, 32
    starts = split - WINDOW - AHEAD
    steps = 120
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * steps)
    begin = time.time()
    for epoch in range(epochs):
        total = 0.0
        for step in range(steps):
            offsets = torch.randint(starts, (batch,)).tolist()
            x = torch.stack([train[o:o + WINDOW] for o in offsets], 1).unsqueeze(2)
            y = torch.stack([train[o + AHEAD:o + WINDOW + AHEAD] for o in offsets], 1).unsqueeze(2)
            forecast, _, _ = model(x, state(batch), state(batch))
            loss = ((forecast - y)[36:] ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            common.progress(f"epoch {epoch + 1}/{epochs}  {step + 1}/{steps}  {time.time() - begin:.0f} s")
        print(f"\repoch {epoch + 1}/{epochs}  loss {total / steps:.5f}  {time.time() - begin:.0f} s", flush=True)
    model.eval()

    with torch.no_grad():
        forecast = model(torch.from_numpy(test).reshape(-1, 1, 1), state(1), state(1))[0].numpy().reshape(-1)
    skip = 360

    def rmse(guess):
        return float(np.sqrt(np.mean((guess[skip:-AHEAD] - test[skip + AHEAD:]) ** 2)))

    slope = np.concatenate([[0], np.diff(test)]).astype(np.float32)
    facts = {"dataset": "ecg", "split": "last fifth", "samples": len(test), "first_sample": split, "metric": "rmse", "unit": "standard deviations",
             "rmse": round(rmse(forecast), 5), "rmse_persistence": round(rmse(test), 5), "rmse_linear_extrapolation": round(rmse(test + AHEAD * slope), 5),
             "preprocess": "(x-mean)/deviation", "mean": mean, "deviation": deviation, "ahead": AHEAD, "warm_up_samples": skip, "hidden": HIDDEN,
             "forecast": "forecast.npy"}

    folder = common.MODELS / "ecg-lstm"
    common.export(model, (torch.zeros(3, 2, 1), state(2), state(2)), folder / "model.onnx", ["x", "h", "c"], ["forecast", "hn", "cn"],
                  {"x": {0: "T", 1: "N"}, "h": {1: "N"}, "c": {1: "N"}, "forecast": {0: "T", 1: "N"}, "hn": {1: "N"}, "cn": {1: "N"}})
    length = 90
    x = np.stack([test[i * 720:i * 720 + length] for i in range(common.SAMPLES)], 1)[:, :, None]
    with torch.no_grad():
        _, h, c = model(torch.from_numpy(np.stack([signal[split + i * 720 - 360:split + i * 720] for i in range(common.SAMPLES)], 1)[:, :, None]),
                        state(common.SAMPLES), state(common.SAMPLES))
        outputs = model(torch.from_numpy(x), h, c)
    common.write_case(folder, {"x": x, "h": h.numpy(), "c": c.numpy()}, dict(zip(("forecast", "hn", "cn"), (o.numpy() for o in outputs))))
    np.save(folder / "input.npy", test[:360].reshape(-1, 1, 1))
    np.save(folder / "forecast.npy", forecast)
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size = (folder / "model.onnx").stat().st_size
    (folder / "README.md").write_text(f"""# ecg-lstm

Forecasts an ECG {AHEAD} samples (22 ms at 360 Hz) ahead: an LSTM of {HIDDEN} units and a linear head, trained on the first four fifths of the record in `.data/ecg/ecg.npy`.

- Root mean square error on the last fifth ({len(test):,} samples, the first {skip} left out as warm-up), in standard deviations of the training part:
  **{facts['rmse']:.3f}**; repeating the last sample gives {facts['rmse_persistence']:.3f}, linear extrapolation {facts['rmse_linear_extrapolation']:.3f}. `accuracy.json` says the same to a program.
- Inputs `x`: float32 [T, N, 1], (sample − {mean}) / {deviation}; `h`, `c`: float32 [1, N, {HIDDEN}], zeros at the start. Outputs `forecast`: [T, N, 1]; `hn`, `cn`: the next state.
  Feeding `hn` and `cn` back makes it a stream: one sample at a time gives what a whole sequence gives. Opset 17, {size:,} bytes.
- `forecast.npy`: the forecast for each sample of the last fifth, in one pass from a zero state (float32, {len(test):,}).
- `test_data_set_0/`: sixteen stretches of {length} samples with warm states. `input.npy`: the first second of the last fifth.

Made by `python3 bench/models/train/ecg_lstm.py` (see `bench/models/train/README.md`).
""")
    print(f"ecg-lstm: rmse {facts['rmse']} (persistence {facts['rmse_persistence']}, linear {facts['rmse_linear_extrapolation']}), {size} bytes")


if __name__ == "__main__":
    main()
