"""A keyword spotter of causal convolutions on raw samples, trained on synthesized speech in noise; writes the model, a recording for demonstrations, and how many keywords it finds."""
import json
import time
import wave

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common
import speech
import streams

KEYWORDS = ["computer", "lights", "window", "kitchen", "heating", "music", "louder", "quieter", "start", "stop"]
HOP, WINDOW, BINS, BANDS, CHANNELS = 160, 256, 112, 32, 48
DILATIONS = (1, 2, 4, 1, 2, 4)
FRAME = 2 * HOP                     # samples a result
THRESHOLD, GAP, LEAST = 0.5, 0.2, 0.1
SCENES, SECONDS = 16000, 4
TEST_SECONDS = 10


class Spotter(nn.Module):
    """pcm [N, 1, T], T a multiple of 320, to the probability of each keyword having just ended, [N, 10, T / 320]."""

    def __init__(self):
        super().__init__()
        t = np.arange(WINDOW)
        hann = np.sin(np.pi * (t + 0.5) / WINDOW) ** 2
        angle = 2 * np.pi * np.outer(np.arange(1, BINS + 1), t) / WINDOW
        fourier = np.concatenate([np.cos(angle), np.sin(angle)]) * hann * 2 / hann.sum()
        self.fourier = nn.Parameter(torch.tensor(fourier[:, None, :], dtype=torch.float32), requires_grad=False)
        bands = mel_bands()
        self.mel = nn.Parameter(torch.tensor(np.concatenate([bands, bands], 1)[:, :, None], dtype=torch.float32), requires_grad=False)
        self.scale = nn.BatchNorm1d(BANDS)
        self.first = streams.Causal(BANDS, CHANNELS, 5, stride=2)
        self.first_norm = nn.BatchNorm1d(CHANNELS)
        self.blocks = nn.ModuleList(streams.Causal(CHANNELS, CHANNELS, 5, dilation=d) for d in DILATIONS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.head = nn.Conv1d(CHANNELS, len(KEYWORDS), 1)

    def features(self, pcm):
        """Logarithms of the power in 32 mel bands every 10 ms."""
        spectrum = F.conv1d(F.pad(pcm, (streams.reach(WINDOW, HOP), 0)), self.fourier, stride=HOP)
        return torch.log(F.conv1d(spectrum * spectrum, self.mel) + 1e-7)

    def decide(self, features, drop=0.0):
        x = self.scale(features)
        x = F.relu(self.first_norm(self.first(x)))
        for conv, norm in zip(self.blocks, self.norms):
            y = F.relu(norm(conv(x)))
            x = x + (F.dropout(y, drop) if drop else y)
        return self.head(x)

    def forward(self, pcm):
        return torch.sigmoid(self.decide(self.features(pcm)))


def mel_bands():
    mel = lambda f: 1127 * np.log(1 + f / 700)
    edges = np.linspace(mel(60), mel(7000), BANDS + 2)
    at = mel(np.arange(1, BINS + 1) * speech.RATE / WINDOW)
    rise, fall = (at - edges[:-2, None]) / np.diff(edges)[:-1, None], (edges[2:, None] - at) / np.diff(edges)[1:, None]
    bands = np.maximum(0, np.minimum(rise, fall))
    # The lowest bands are narrower than the distance of two bins.
    bands[np.arange(BANDS), np.abs(at - edges[1:-1, None]).argmin(1)] += 0.1
    return bands


class Clips:
    """Keywords, other words and phrases in many voices; those of the test share neither voices nor other words with training."""

    def __init__(self, rng, keywords, others, held_out):
        words = speech.HELD_OUT_WORDS if held_out else speech.WORDS
        self.keywords = [[speech.speak(rng, k, held_out) for _ in range(keywords)] for k in KEYWORDS]
        self.others = [speech.speak(rng, str(rng.choice(words)) if held_out or i % 2 else speech.no_word(rng), held_out) for i in range(others)]
        self.phrases = [speech.speak(rng, speech.phrase(rng, words), held_out) for _ in range(others // 3)]

    def draw(self, rng, share):
        def one():
            if rng.random() < share:
                k = int(rng.integers(len(KEYWORDS)))
                return k, self.keywords[k][rng.integers(len(self.keywords[k]))]
            pool = self.phrases if rng.random() < 0.25 else self.others
            return -1, pool[rng.integers(len(pool))]
        return one


def targets(said, frames):
    """1 for some frames about the end of a keyword, and a weight of 0 where either answer will do."""
    y, weight = np.zeros((len(KEYWORDS), frames), np.uint8), np.ones((len(KEYWORDS), frames), np.uint8)
    newest = (np.arange(frames) + 1) * FRAME
    for k, first, past in said:
        if k < 0:
            continue
        since = (newest - past) / speech.RATE
        y[k] |= (since >= 0) & (since < 0.16)
        weight[k] &= ~(((since >= -0.2) & (since < 0)) | ((since >= 0.16) & (since < 0.3)))
    return y, weight | y


def training_data(model, rng, clips):
    """Features of random scenes in half precision, with targets and weights."""
    length = SECONDS * speech.RATE
    x = np.zeros((SCENES, BANDS, length // HOP), np.float16)
    y, weight = (np.zeros((SCENES, len(KEYWORDS), length // FRAME), np.uint8) for _ in range(2))
    for i in range(SCENES):
        snr = None if rng.random() < 0.1 else rng.uniform(-2, 30)
        share = 0.5 if i % 3 else 0
        pcm, said = speech.scene(rng, length, clips.draw(rng, share), clips.phrases, snr, gap=(0.05, 0.7), end=0)
        with torch.no_grad():
            x[i] = model.features(torch.from_numpy(pcm.astype(np.float32) / 32768)[None, None])[0].numpy()
        y[i], weight[i] = targets(said, length // FRAME)
        if i % 20 == 0:
            streams.wait()
            common.progress(f"scene {i}/{SCENES}")
    return x, y, weight


def train(model, x, y, weight, epochs=14, batch=64, rate=4e-3):
    steps = len(x) // batch
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * steps)
    begin = time.time()
    for epoch in range(epochs):
        model.train()
        order, total = np.random.permutation(len(x)), 0.0
        for step in range(steps):
            streams.wait()
            pick = order[step * batch:(step + 1) * batch]
            features = torch.from_numpy(x[pick].astype(np.float32)) + torch.randn(batch, 1, 1)
            # A stretch of time and a stretch of bands are hidden.
            t, b = np.random.randint(0, features.shape[2] - 8), np.random.randint(0, BANDS - 4)
            features[:, :, t:t + np.random.randint(8)] = features.mean()
            features[:, b:b + np.random.randint(5)] = features.mean()
            goal, w = torch.from_numpy(y[pick].astype(np.float32)), torch.from_numpy(weight[pick].astype(np.float32))
            loss = F.binary_cross_entropy_with_logits(model.decide(features, 0.1), goal, w * (1 + goal), reduction="sum") / batch
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 20.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            common.progress(f"epoch {epoch + 1}/{epochs}  {step + 1}/{steps}  {time.time() - begin:.0f} s")
        print(f"\repoch {epoch + 1}/{epochs}  loss {total / steps:.3f}  {time.time() - begin:.0f} s", flush=True)
    model.eval()


def events(model, pcm):
    with torch.no_grad():
        return streams.events(model(torch.from_numpy(pcm.astype(np.float32) / 32768)[None, None])[0].numpy(), THRESHOLD, FRAME / speech.RATE, GAP, LEAST)


def score(found, said):
    """Keywords found at most 0.25 s before and 0.4 s after they end, keywords said, events that are none of them."""
    left, hits = list(found), 0
    for k, _, past in said:
        if k < 0:
            continue
        near = [e for e in left if e[0] == k and -0.25 <= e[1] - past / speech.RATE <= 0.4]
        if near:
            hits += 1
            left.remove(near[0])
    return hits, sum(k >= 0 for k, _, _ in said), len(left)


def test_clips():
    return Clips(np.random.default_rng(3), 60, 600, True)


def test_scenes(clips, snr, share=0.55, count=60):
    """Scenes of ten seconds in held-out voices, and what is said in each."""
    rng = np.random.default_rng(1000 + (99 if snr is None else snr))
    return [speech.scene(rng, TEST_SECONDS * speech.RATE, clips.draw(rng, share), clips.phrases, snr, end=0.4) for _ in range(count)]


def evaluate(model, clips, snr, **scenes):
    """Keywords found and said, false alarms and minutes."""
    tested = test_scenes(clips, snr, **scenes)
    found, said, false = np.sum([score(events(model, pcm), said) for pcm, said in tested], 0).tolist()
    return {"snr_db": snr, "found": found, "said": said, "false_alarms": false, "minutes": len(tested) * TEST_SECONDS / 60}


def write_wav(path, pcm):
    with wave.open(str(path), "wb") as w:
        w.setparams((1, 2, speech.RATE, 0, "NONE", ""))
        w.writeframes(pcm.tobytes())


def recording(model, clips):
    """
    The demonstration: keywords and other words of held-out voices among other speakers, 12 dB below. The first scene drawn in which the model finds every keyword and
    nothing else, and its number.
    """
    for number in range(1, 100):
        rng = np.random.default_rng(number)
        order, count = rng.permutation(len(KEYWORDS)).tolist(), [0]

        def draw():
            count[0] += 1
            if count[0] % 3 == 0:
                return -1, clips.others[rng.integers(len(clips.others))]
            k = order[count[0] * 2 // 3 % len(order)]
            return k, clips.keywords[k][rng.integers(len(clips.keywords[k]))]

        pcm, said = speech.scene(rng, 16 * speech.RATE, draw, clips.phrases, 12, "babble", gap=(0.25, 0.7), end=0.6)
        found = events(model, pcm)
        if score(found, said) == (len(found), len(found), 0):
            return number, pcm, [{"keyword": KEYWORDS[k], "from_s": round(a / speech.RATE, 3), "to_s": round(b / speech.RATE, 3)} for k, a, b in said if k >= 0], found
    raise RuntimeError("no scene in which every keyword is found")


def main():
    common.seed(12)
    model = Spotter()
    begin = time.time()
    clips = Clips(np.random.default_rng(1), 350, 6000, False)
    print(f"clips {time.time() - begin:.0f} s", flush=True)
    x, y, weight = training_data(model, np.random.default_rng(2), clips)
    print(f"\rscenes {time.time() - begin:.0f} s; {y.max(2).sum()} keywords", flush=True)
    with torch.no_grad():
        model.scale.running_mean[:] = torch.from_numpy(x.mean((0, 2), dtype=np.float64).astype(np.float32))
    train(model, x, y, weight)

    test = test_clips()
    results = [evaluate(model, test, snr) for snr in (None, 20, 10, 5, 0)]
    silent = evaluate(model, test, 10, share=0, count=120)
    for r in results + [silent]:
        print(r, flush=True)
    folder = common.MODELS / "keywords"
    streams.export(model, torch.zeros(2, 1, 3200), folder / "model.onnx", "pcm", "keywords", KEYWORDS, rate=speech.RATE)
    number, pcm, truth, found = recording(model, test)
    write_wav(folder / "demo.wav", pcm)
    write(model, folder, pcm, results, silent, {"file": "demo.wav", "scene": number, "said": truth,
                                                "found": [{"keyword": KEYWORDS[k], "time_s": round(t, 2), "probability": round(p, 3)} for k, t, p in found]})


def write(model, folder, pcm, results, silent, demo):
    sample = pcm[None, None, :2 * speech.RATE].astype(np.float32) / 32768
    with torch.no_grad():
        common.write_case(folder, {"pcm": sample}, {"keywords": model(torch.from_numpy(sample)).numpy()})
    np.save(folder / "input.npy", sample)
    facts = {"dataset": "espeak-ng", "split": "held-out voices", "metric": "keywords found", "threshold": THRESHOLD, "labels": KEYWORDS, "with_keywords": results, "without_keywords": silent,
             "demo": demo}
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size = (folder / "model.onnx").stat().st_size
    name = lambda r: "clean" if r["snr_db"] is None else f"{r['snr_db']} dB"
    rows = "\n".join(f"| {name(r)} | {r['said']} | {r['found'] / r['said']:.1%} | {r['false_alarms']} |" for r in results)
    print(f"keywords: {size} bytes, {sum(p.numel() for p in model.parameters())} parameters")
    (folder / "README.md").write_text(f"""# keywords

Spots ten words in 16 kHz speech, sample in, probability out: a short Fourier transform, mel bands and their logarithms are convolutions and elementwise operators of the graph; {len(DILATIONS) + 1} causal convolutions
follow. Every layer runs on a stream as it is, with hops of {FRAME} samples (20 ms).

Trained on words that the synthesizer espeak-ng says in {len(speech.VARIANTS)} voices and {len(speech.ACCENTS)} accents, in white, pink and brown noise, hum and other speakers at −2 to 30 dB, half of them in a room. The voices of the test
({len(speech.HELD_OUT_VARIANTS)}, one of the accents) and its other words are in none of it. Speech of people it has never heard: what it is worth there is not known.

An event is a probability of {THRESHOLD} and more for {LEAST} s, interruptions of {GAP} s at most left aside. A keyword is found where it has one at most 0.25 s before and 0.4 s after it ends; any other event is false. Each row: {results[0]['minutes']:.0f} minutes of keywords and other words.

| background (random kind) | keywords | found | false |
|---|---|---|---|
{rows}

In {silent['minutes']:.0f} minutes of other words alone, at 10 dB, {silent['false_alarms']} false alarms.

- Input `pcm`: float32 [N, 1, T], samples from −1 to 1, T a multiple of {FRAME}; output `keywords`: float32 [N, {len(KEYWORDS)}, T / {FRAME}]. Opset 17, {size:,} bytes, {sum(p.numel() for p in model.parameters()):,} weights, of which the Fourier transform and the bands are constants.
- Labels, in order, and in the model's metadata: {', '.join(KEYWORDS)}.
- `demo.wav`: {len(pcm) / speech.RATE:.0f} s of held-out voices among other speakers at 12 dB, made by the script: scene {demo['scene']} of those it draws, the first in which the model finds every keyword and nothing else. `accuracy.json` says which they are and when.
- `model-int8.onnx`: the same in 8 bits; [int8.md](int8.md) says what it finds.
- `test_data_set_0/` and `input.npy`: its first 2 s.

Made by `python3 bench/models/train/keywords.py` (see `bench/models/train/README.md`).
""")


if __name__ == "__main__":
    main()
