using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Checks that the normalizations share.</summary>
internal static class NormChecks
{
    public static void Channels(InferContext c, int input, long channels, string what)
    {
        if (c.Has(input) && (c.Shape(input).Rank != 1 || c.Shape(input)[0] != channels)) throw new OperatorException($"{what} {c.Shape(input)} does not fit {channels} entries");
    }

    public static void RankAtLeast(InferContext c, int rank)
    {
        if (c.Shape(0).Rank < rank) throw new OperatorException($"input 0 has shape {c.Shape(0)}, expected rank {rank} or more");
    }
}

/// <summary>
/// ONNX BatchNormalization. In inference y = (x − mean) / √(var + ε) · scale + b. In training the batch's own statistics serve, and
/// running statistics (and, before opset 14, the saved ones) come out.
/// </summary>
public sealed class BatchNormalization(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "BatchNormalization";

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <summary>Share of the old running statistics.</summary>
    public float Momentum { get; } = a.Float("momentum", 0.9f);

    /// <summary>False when every activation has statistics of its own (before opset 9).</summary>
    public bool Spatial { get; } = a.Opset >= 9 || a.Bool("spatial", true);

    /// <summary>True when statistics are taken from the batch.</summary>
    public bool Training { get; } = a.Opset >= 14 ? a.Bool("training_mode") : a.OutputCount > 1 && (a.Opset >= 7 || !a.Bool("is_test"));

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 1);
        var x = c.Shape(0);
        long channels = x.Rank == 1 ? 1 : Spatial ? x[1] : x.Product(1, x.Rank);
        for (int i = 1; i <= 4; i++)
            if (c.Shape(i).Elements != channels) throw new OperatorException($"input {i} has shape {c.Shape(i)}, expected {channels} entries for input {x}");
        c.Set(0, c.DType(0), x);
        if (c.OutputCount > 1 && !Training) throw new OperatorException("statistics are outputs of training mode only");
        for (int i = 1; i < c.OutputCount; i++) c.Set(i, c.DType(3), c.Shape(3));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (Training) throw c.Refuse("its statistics are those of the whole signal");
        StreamForms.Along(c, axis => axis == 1 || axis > 1 && !Spatial, "the stream runs along an axis with weights for every place");
    }
}

/// <summary>ONNX InstanceNormalization: statistics over the spatial axes of each image and channel.</summary>
public sealed class InstanceNormalization(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "InstanceNormalization";

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 3);
        NormChecks.Channels(c, 1, c.Shape(0)[1], "scale");
        NormChecks.Channels(c, 2, c.Shape(0)[1], "bias");
        c.In(1);
        c.In(2);
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(5 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis > 0, "its statistics are those of the whole signal");
}

/// <summary>ONNX GroupNormalization: statistics over groups of channels; scale and bias a group (opset 18) or a channel (from 21).</summary>
public sealed class GroupNormalization(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "GroupNormalization";

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <summary>Number of groups.</summary>
    public long Groups { get; } = a.Int("num_groups");

    /// <summary>True when scale and bias have an entry a group.</summary>
    public bool ScalePerGroup { get; } = a.Opset < 21;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 2);
        long channels = c.Shape(0)[1];
        if (Groups <= 0 || channels % Groups != 0) throw new OperatorException($"{channels} channels cannot be split in {Groups} groups");
        NormChecks.Channels(c, 1, ScalePerGroup ? Groups : channels, "scale");
        NormChecks.Channels(c, 2, ScalePerGroup ? Groups : channels, "bias");
        c.In(1);
        c.In(2);
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(5 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis > 0, "its statistics are those of the whole signal");
}

/// <summary>ONNX LayerNormalization: statistics over the axes from <c>axis</c> on; optional outputs mean and 1 / standard deviation.</summary>
public sealed class LayerNormalization(Attributes a) : Operator(a)
{
    private readonly DType _stash = (DType)Math.Clamp(a.Int("stash_type", 1), 0, 255);
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "LayerNormalization";

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <summary>First axis of the statistics.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 1);
        var x = c.Shape(0);
        int axis = Axis(x);
        for (int i = 1; i <= 2; i++)
            if ((i == 1 || c.Has(i)) && Shape.Broadcast(x, c.Shape(i)) != x) throw new OperatorException($"input {i} of shape {c.Shape(i)} cannot be broadcast to {x}");
        c.Set(0, c.In(0));
        if (c.OutputCount < 2) return;
        if (!_stash.IsFloat()) throw new OperatorException($"stash_type {(int)_stash} is no floating-point type");
        var d = x.ToArray();
        d.AsSpan(axis).Fill(1);
        for (int i = 1; i < c.OutputCount; i++) c.Set(i, _stash, new Shape(d));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(6.0 * c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis >= Axis(c.Type(0).Shape), "its statistics run over the stream");
}

/// <summary>ONNX RMSNormalization: x / √(mean(x²) + ε) · scale over the axes from <c>axis</c> on.</summary>
public sealed class RmsNormalization(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "RMSNormalization";

    /// <summary>Added to the mean square.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <summary>First axis of the statistics.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 1);
        Axis(c.Shape(0));
        if (Shape.Broadcast(c.Shape(0), c.Shape(1)) != c.Shape(0)) throw new OperatorException($"scale {c.Shape(1)} cannot be broadcast to {c.Shape(0)}");
        c.Set(0, c.DType(1), c.Shape(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(4 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis >= Axis(c.Type(0).Shape), "its statistics run over the stream");
}

/// <summary>ONNX MeanVarianceNormalization: (x − mean) / (σ + 1e-9) over <c>axes</c>.</summary>
public sealed class MeanVarianceNormalization(Attributes a) : Operator(a)
{
    private readonly long[] _axes = a.Ints("axes") ?? [0, 2, 3];

    /// <inheritdoc/>
    public override string Name => "MeanVarianceNormalization";

    /// <summary>For each axis of <paramref name="x"/>, whether statistics run over it.</summary>
    public bool[] Reduced(Shape x)
    {
        var r = new bool[x.Rank];
        foreach (long axis in _axes)
        {
            if (x.Rank == 0) throw new OperatorException($"axis {axis} does not fit a scalar");
            r[x.Axis(axis)] = true;
        }
        return r;
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        Reduced(c.Shape(0));
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(6 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => Reduced(c.Type(0).Shape)[axis], "its statistics are those of the whole signal");
}

/// <summary>ONNX LRN: x / (bias + α / size · Σ x²)^β, the sum over <c>size</c> neighbouring channels.</summary>
public sealed class Lrn(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "LRN";

    /// <summary>Scale of the sum.</summary>
    public float Alpha { get; } = a.Float("alpha", 1e-4f);

    /// <summary>Exponent.</summary>
    public float Beta { get; } = a.Float("beta", 0.75f);

    /// <summary>Added to the sum.</summary>
    public float Bias { get; } = a.Float("bias", 1);

    /// <summary>Channels in the sum.</summary>
    public int Size { get; } = a.Int("size") is var s and > 0 and <= int.MaxValue ? (int)s : throw new OperatorException($"size is {a.Int("size")}, expected at least 1");

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 2);
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new((2.0 * Size + 20) * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis == 1, "it sums over channels, along which the stream runs");
}

/// <summary>ONNX LpNormalization: x divided by its 1- or 2-norm along <c>axis</c>; zero where the norm is zero.</summary>
public sealed class LpNormalization(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "LpNormalization";

    /// <summary>Order of the norm, 1 or 2.</summary>
    public int P { get; } = a.Int("p", 2) is var p and (1 or 2) ? (int)p : throw new OperatorException($"p is {a.Int("p", 2)}, expected 1 or 2");

    /// <summary>The normalized axis.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        NormChecks.RankAtLeast(c, 1);
        Axis(c.Shape(0));
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(3 * c.OutputElements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis == Axis(c.Type(0).Shape), "it divides by a norm over the whole signal");
}
