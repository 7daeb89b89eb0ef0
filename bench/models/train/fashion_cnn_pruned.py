"""The Fashion-MNIST CNN with half of its channels: group lasso, removal, training on.

Channels that only go together are a group: of the residual addition, those of both branches. While the float model is trained on, every step shrinks the norm of each group's channel (scale and shift
of BatchNormalization and the weights that read the channel; the filters' own scale means nothing before a normalization) by a constant. Then the weaker half goes, and the smaller network is trained on.
"""

import common
from fashion_cnn import SHAPE, Cnn

NAME = "fashion-cnn-pruned"
SHRINK = 5e-4
PLANE = 7 * 7


def groups(model):
    """Group name -> what shrinks, as (tensor, axis of its channels)."""
    stem, widen, block = model.stem, model.widen, model.block
    head = model.head.weight.data.view(len(model.head.weight), -1, PLANE)

    def norm(layer):
        return [(layer.weight.data, 0), (layer.bias.data, 0)]

    return {"stem": norm(stem[1]) + [(widen[0].weight.data, 1)],
            "inner": norm(block[1]) + [(block[3].weight.data, 1)],
            "outer": norm(widen[1]) + norm(block[4]) + [(block[0].weight.data, 1), (head, 1)]}


def norms(parts):
    return sum(t.transpose(0, axis).flatten(1).square().sum(1) if t.dim() > 1 else t.square() for t, axis in parts).sqrt()


def shrink(model):
    for parts in groups(model).values():
        factor = (1 - SHRINK / norms(parts).clamp(min=1e-12)).clamp(min=0)
        for t, axis in parts:
            t.mul_(factor.reshape([-1 if i == axis else 1 for i in range(t.dim())]))


def halved(model):
    """A network of half the channels with the weights of the stronger ones."""
    kept = {name: norms(parts).topk(len(parts[0][0]) // 2).indices.sort().values for name, parts in groups(model).items()}
    small = Cnn(*(len(kept[name]) for name in ("stem", "inner", "outer")))
    state = {name: t.clone() for name, t in model.state_dict().items()}
    for norm, group in (("stem.1", "stem"), ("widen.1", "outer"), ("block.1", "inner"), ("block.4", "outer")):
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = state[f"{norm}.{part}"][kept[group]]
    for conv, group in (("stem.0", "stem"), ("widen.0", "outer"), ("block.0", "inner"), ("block.3", "outer")):
        state[conv + ".weight"] = state[conv + ".weight"][kept[group]]
    for conv, group in (("widen.0", "stem"), ("block.0", "outer"), ("block.3", "inner")):
        state[conv + ".weight"] = state[conv + ".weight"][:, kept[group]]
    head = state["head.weight"]
    state["head.weight"] = head.view(len(head), -1, PLANE)[:, kept["outer"]].flatten(1)
    small.load_state_dict(state)
    return small


def main():
    common.seed(13)
    model = Cnn()
    common.load_weights(model, "fashion-cnn")
    common.train_classifier(model, SHAPE, epochs=2, batch=128, rate=2e-3, flip=True, after_step=lambda _: shrink(model))
    for name, parts in groups(model).items():
        print(name, [f"{x:.2f}" for x in norms(parts).sort().values.tolist()])
    model = halved(model)
    common.train_classifier(model, SHAPE, epochs=8, batch=128, rate=5e-3, flip=True)
    common.export_classifier(NAME, model, SHAPE,
                             "`fashion-cnn` with half of its channels (8, 16 and 16): group lasso over channels that only go together (those of both branches of the residual addition are one), "
                             "the weaker half removed, the rest trained on.",
                             "python3 bench/models/train/fashion_cnn_pruned.py")


if __name__ == "__main__":
    main()
