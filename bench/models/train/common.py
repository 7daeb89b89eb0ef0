"""What the training scripts share: data, seeds, the training loop, ONNX export and the files that lie beside each model."""
import gzip
import json
import os
import struct
import sys
import time
import zlib
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnx
from onnx import numpy_helper
import torch

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".data"
MODELS = ROOT / "bench" / "models"
CLASSES = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
SAMPLES = 16


def seed(value):
    np.random.seed(value)
    torch.manual_seed(value)


def read_idx(path):
    if not path.exists():
        sys.exit(f"{path.relative_to(ROOT)} is not there: run ./build.sh data first")
    raw = gzip.open(path, "rb").read()
    rank = raw[3]
    shape = struct.unpack(f">{rank}I", raw[4:4 + 4 * rank])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def fashion(split):
    """Images as uint8 [count, 28, 28] and labels as uint8 [count]; split is 'train' or 't10k'."""
    folder = DATA / "fashion-mnist"
    return read_idx(folder / f"{split}-images-idx3-ubyte.gz"), read_idx(folder / f"{split}-labels-idx1-ubyte.gz")


def to_input(images, shape):
    """uint8 images to float32 in 0..1, each image in the given shape."""
    return (images.astype(np.float32) / np.float32(255)).reshape((len(images),) + tuple(shape))


def load_weights(model, name):
    """Starts a model from the exported weights of another of the same architecture: the exporter keeps PyTorch's names."""
    graph = onnx.load(str(MODELS / name / "model.onnx")).graph
    state = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    lacking, spare = model.load_state_dict(state, strict=False)
    if spare or any(not key.endswith("num_batches_tracked") for key in lacking):
        sys.exit(f"{name} has other weights than this model: {lacking} {spare}")


def train_classifier(model, shape, epochs, batch, rate, weight_decay=1e-4, flip=False, before_step=None, after_step=None):
    """AdamW with a one-cycle rate and cross entropy on Fashion-MNIST; flip mirrors every second batch for the odd epochs.

    before_step() may change gradients, after_step(count of steps) weights.
    """
    images, labels = fashion("train")
    x, y = torch.from_numpy(to_input(images, shape)), torch.from_numpy(labels.astype(np.int64))
    steps = (len(x) + batch - 1) // batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * steps)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.05)
    start = time.time()
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(x))
        total = 0.0
        for step in range(steps):
            pick = order[step * batch:(step + 1) * batch]
            inputs = x[pick]
            if flip and (step + epoch) % 2:
                inputs = inputs.flip(-1)
            loss = criterion(model(inputs), y[pick])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            if before_step:
                before_step()
            optimizer.step()
            schedule.step()
            if after_step:
                after_step(epoch * steps + step + 1)
            total += loss.item() * len(pick)
            progress(f"epoch {epoch + 1}/{epochs}  {step + 1}/{steps}  {time.time() - start:.0f} s")
        print(f"\repoch {epoch + 1}/{epochs}  loss {total / len(x):.4f}  {time.time() - start:.0f} s", flush=True)
    model.eval()


def progress(text):
    if sys.stdout.isatty():
        print(f"\r{text}\x1b[K", end="", flush=True)


def predict(model, x, batch=500):
    with torch.no_grad():
        return np.concatenate([model(torch.from_numpy(x[i:i + batch])).numpy() for i in range(0, len(x), batch)])


def export(model, args, path, inputs, outputs, axes, fold=True):
    """Opset 17, evaluation semantics. PRESERVE keeps the exporter from folding BatchNormalization into the convolutions. Without fold, weights that are computed stay so."""
    model.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(model, args, str(path), opset_version=17, do_constant_folding=fold, training=torch.onnx.TrainingMode.PRESERVE,
                      input_names=inputs, output_names=outputs, dynamic_axes=axes)
    proto = onnx.load(str(path))
    for node in proto.graph.node:
        if node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute):
            raise RuntimeError("BatchNormalization was exported in training mode")
    finish(proto, path)


def finish(proto, path):
    proto.doc_string = ""
    for node in proto.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, str(path))


def write_case(folder, inputs, outputs):
    """ONNX test-case layout: test_data_set_0/input_K.pb and output_K.pb; both arguments map names to arrays, in graph order."""
    case = folder / "test_data_set_0"
    case.mkdir(parents=True, exist_ok=True)
    for kind, values in (("input", inputs), ("output", outputs)):
        for index, (name, array) in enumerate(values.items()):
            tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
            (case / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())


def write_png(path, gray):
    """An 8-bit gray image as PNG."""
    height, width = gray.shape

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + gray[r].tobytes() for r in range(height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def export_classifier(name, model, shape, text, command, fold=True):
    """The model and everything beside it; what it says of the test images is what PyTorch says."""
    images, _ = fashion("t10k")
    export(model, torch.zeros(2, *shape), MODELS / name / "model.onnx", ["x"], ["logits"], {"x": {0: "N"}, "logits": {0: "N"}}, fold)
    return write_classifier(name, shape, predict(model, to_input(images, shape)), text, command)


def write_classifier(name, shape, logits, text, command):
    """Everything beside a Fashion-MNIST classifier's model.onnx: test case, sample input, predictions, accuracy, README."""
    folder = MODELS / name
    images, labels = fashion("t10k")
    x = to_input(images, shape)
    predictions = logits.argmax(1).astype(np.uint8)
    correct = int((predictions == labels).sum())
    write_case(folder, {"x": x[:SAMPLES]}, {"logits": logits[:SAMPLES].astype(np.float32)})
    np.save(folder / "input.npy", x[:1])
    (folder / "predictions.bin").write_bytes(predictions.tobytes())
    facts = {"dataset": "fashion-mnist", "split": "t10k", "metric": "top1", "correct": correct, "total": len(labels), "preprocess": "x/255", "input": "x",
             "input_shape": list(shape), "output": "logits", "predictions": "predictions.bin", "classes": CLASSES}
    (folder / "accuracy.json").write_text(json.dumps(facts, indent=2) + "\n")
    size = (folder / "model.onnx").stat().st_size
    (folder / "README.md").write_text(f"""# {name}

{text}

- Accuracy on the 10,000 Fashion-MNIST test images: **{correct / len(labels):.2%}** ({correct:,} correct), measured by the script; `accuracy.json` says the same to a program.
- Input `x`: float32 [N, {', '.join(map(str, shape))}], pixels divided by 255; output `logits`: float32 [N, 10]. Opset 17, {size:,} bytes.
- Classes, in order: {', '.join(CLASSES)}.
- `predictions.bin`: the predicted class of each test image, one byte each, in the order of the data set.
- `test_data_set_0/`: the first {SAMPLES} test images and their logits. `input.npy`: the first test image alone ({CLASSES[labels[0]]}).

Made by `{command}` (see `bench/models/train/README.md`). Data: Fashion-MNIST, MIT licence.
""")
    print(f"{name}: {correct} of {len(labels)} correct, {size} bytes")
    return correct
