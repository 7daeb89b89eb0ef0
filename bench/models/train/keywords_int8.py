"""Compresses the keyword spotter to 8 bits with 'engine compress', and scores both models as 'engine stream' runs them. Needs ./build.sh build."""
import json
import shutil
import subprocess

import numpy as np

import common
import keywords
import speech

ENGINE, WORK, FOLDER = common.ROOT / "artifacts" / "engine", common.ROOT / "artifacts" / "keywords", common.MODELS / "keywords"
# Samples have too many quiet places for 8 bits: the Fourier transform has codes as weights alone, the bands stay f32.
POLICY = {"default": "int8", "layers": {"/Conv": "w8", "/Conv_1": "float"}}
CONDITIONS = {"clean": (None, {}), "20 dB": (20, {}), "10 dB": (10, {}), "5 dB": (5, {}), "0 dB": (0, {}), "10 dB, no keywords": (10, {"share": 0, "count": 120})}


def engine(*arguments):
    return subprocess.run([str(ENGINE), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def compress(path):
    """Ranges of activations come from 24 scenes in voices of the training."""
    rng = np.random.default_rng(4)
    clips = keywords.Clips(rng, 20, 200, False)
    for i in range(24):
        pcm, _ = speech.scene(rng, 4 * speech.RATE, clips.draw(rng, 0.5), clips.phrases, (None, 20, 10, 5)[i % 4])
        sample = WORK / "samples" / f"{i:02}"
        sample.mkdir(parents=True, exist_ok=True)
        np.save(sample / "pcm.npy", pcm[None, None].astype(np.float32) / 32768)
    policy = WORK / "policy.json"
    policy.write_text(json.dumps(POLICY))
    engine("compress", FOLDER / "model.onnx", "-o", path, "--scheme", "int8", "--policy", policy, "--calib", WORK / "samples", "--threads", 1)


def events(model, recording):
    lines = engine("stream", model, "--run", recording, "--threads", 1, "--events", keywords.THRESHOLD, "--gap", keywords.GAP, "--least", keywords.LEAST).splitlines()[1:]
    return [(keywords.KEYWORDS.index(label), float(time), float(value)) for time, label, value, *_ in (line.split(",") for line in lines)]


def rows(models):
    """A row of the table for each condition: its scenes are one recording."""
    clips = keywords.test_clips()
    for name, (snr, scenes) in CONDITIONS.items():
        tested = keywords.test_scenes(clips, snr, **scenes)
        recording, length = WORK / "test.wav", keywords.TEST_SECONDS * speech.RATE
        keywords.write_wav(recording, np.concatenate([pcm for pcm, _ in tested]))
        said = [(k, a + i * length, b + i * length) for i, (_, clips_said) in enumerate(tested) for k, a, b in clips_said]
        scores = [keywords.score(events(m, recording), said) for m in models]
        row = f"| {name} | {len(tested) * keywords.TEST_SECONDS / 60:.0f} | {scores[0][1]} | " + " | ".join(f"{hits} | {false}" for hits, _, false in scores) + " |"
        print(row, flush=True)
        yield row


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    models = [FOLDER / "model.onnx", FOLDER / "model-int8.onnx"]
    compress(models[1])
    table = "\n".join(rows(models))
    sizes = [m.stat().st_size for m in models]
    (FOLDER / "int8.md").write_text(f"""# keywords in 8 bits

`model-int8.onnx`: {sizes[1]:,} bytes of {sizes[0]:,}. Convolutions have weights and activations in 8 bits, the Fourier transform weights alone; the mel bands are as they were. It is what `engine stream` runs when no model is named.
Both models as `engine stream` runs them, on the held-out voices of [README.md](README.md), each background one recording:

| background | minutes | keywords | found, f32 | false | found, 8 bits | false |
|---|---|---|---|---|---|---|
{table}

Made by `python3 bench/models/train/keywords_int8.py`.
""")


if __name__ == "__main__":
    main()
