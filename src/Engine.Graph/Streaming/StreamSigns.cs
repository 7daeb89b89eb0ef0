using System.Runtime.CompilerServices;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>
/// Convolutions and pools of −1 and +1 on a stream. A frame outside the signal counts 0 in a convolution, which no sign says: there frames are taken for +1 and what they add, a convolution of the
/// frames outside by the weights summed over channels, is taken off the sums again.
/// </summary>
internal static class StreamSigns
{
    // Decoding the weights of a network once is enough for all hops that are tried.
    private static readonly ConditionalWeakTable<Weight, Tensor> s_sums = [];

    public static void Conv(StreamContext c, BinaryConv op)
    {
        var kernel = c.Type(1).Shape;
        if (kernel.Rank == 2)
        {
            StreamForms.Follow(c, "it sums over the stream");
            return;
        }
        var x = c.Only();
        if (Padded(c, op.Conv.Window, kernel.Dims[2..], x) is not { } axes)
        {
            StreamForms.Windows(c, op.Conv.Window, kernel.Dims[2..], 0, a => new BinaryConv(a));
            return;
        }
        int k = x.Axis - 2;
        var w = axes[k];
        var (operand, delay, time) = StreamForms.Window(c, x, w, w.PadEnd, false, 1);
        var none = ScalarValue.Fill(DType.F32, new Shape([x.Type.Shape[0], 1, .. x.Type.Shape.Dims[2..]]), 0);
        var (outside, _, _) = StreamForms.Window(c, x with { Wire = Value.Of($"{c.Node.Name}.outside", none), Type = none.Type }, w, w.PadEnd, false, 1);
        var a = StreamForms.WithPads(op.Attributes, axes, k);
        var sums = c.Insert(new BinaryConv(a), [operand.Wire, c.Wire(1)]);
        var beyond = c.Insert(new Conv(a.With("group", 1L)), [outside.Wire, Value.Of($"{c.Node.Name}.signs", SumOfSigns(c.Node.Inputs[1]!.Constant ?? throw c.Refuse("its weights are computed")))]);
        var y = Finish(c, sums.Wire, beyond.Wire, sums.Type.Shape);
        c.Give(0, new(y.Wire, y.Type, x.Axis, (int)(x.Frames / w.Stride), delay, time));
    }

    // Scale and bias, or thresholds, of sums less what lies beyond the signal.
    private static (Value Wire, TensorType Type) Finish(StreamContext c, Value sums, Value beyond, Shape shape)
    {
        Value Channels(string what, Func<int, float> of) => Value.Of($"{c.Node.Name}.{what}", Tensor.From(new Shape([shape[1], .. Enumerable.Repeat(1L, shape.Rank - 2)]), [.. Enumerable.Range(0, shape.Int(1)).Select(of)]));
        float[]? Floats(int i) => c.Has(i) ? (c.Known(i) ?? throw c.Refuse($"operand {i} is computed")).Span<float>().ToArray() : null;
        if (c.Has(2) && c.Type(2).DType == DType.I32)
        {
            int[] thresholds = (c.Known(2) ?? throw c.Refuse("its thresholds are computed")).Span<int>().ToArray();
            sbyte[]? directions = c.Has(3) ? (c.Known(3) ?? throw c.Refuse("its directions are computed")).Span<sbyte>().ToArray() : null;
            int Direction(int m) => directions is not null && directions[m] < 0 ? -1 : 1;
            var s = c.Insert(new Sub(Attributes.None), [sums, beyond]).Wire;
            if (directions is not null) s = c.Insert(new Mul(Attributes.None), [s, Channels("directions", m => Direction(m))]).Wire;
            var at = Value.Of($"{c.Node.Name}.thresholds", Tensor.Vector<float>([.. thresholds.Select((t, m) => (float)t * Direction(m))]));
            return c.Emit(new BinarySign(new Attributes(1) { InputCount = 2 }), [s, at])[0]!.Value;
        }
        float[]? scale = Floats(2), bias = Floats(3), negative = Floats(4);
        if (scale is null && bias is null && negative is null) return c.Emit(new Sub(Attributes.None), [sums, beyond])[0]!.Value;
        var v = c.Insert(new Sub(Attributes.None), [sums, beyond]).Wire;
        if (scale is not null || negative is not null)
        {
            var factor = Channels("scale", m => scale?[m] ?? 1);
            if (negative is not null) factor = c.Insert(new Where(Attributes.None), [c.Insert(new Less(Attributes.None), [v, Value.Of($"{c.Node.Name}.zero", Tensor.Scalar(0f))]).Wire, Channels("negative", m => negative[m]), factor]).Wire;
            if (bias is null) return c.Emit(new Mul(Attributes.None), [v, factor])[0]!.Value;
            v = c.Insert(new Mul(Attributes.None), [v, factor]).Wire;
        }
        return c.Emit(new Add(Attributes.None), [v, Channels("bias", m => bias![m])])[0]!.Value;
    }

    // The windows, where the stream is padded.
    private static WindowAxis[]? Padded(StreamContext c, WindowAttributes window, ReadOnlySpan<long> kernel, Pulse x)
    {
        if (x.Axis < 2 || c.Approximate) return null;
        var axes = StreamForms.Resolve(window, x, kernel);
        var w = axes[x.Axis - 2];
        return w.PadBegin > 0 || w.PadEnd > 0 || window.Ceil && window.AutoPad == AutoPad.NotSet ? axes : null;
    }

    private static Tensor SumOfSigns(Weight weight) => s_sums.GetValue(weight, static w =>
    {
        var s = w.Shape;
        int filters = s.Int(0), channels = s.Int(1), taps = Checked.Int(s.Product(2, s.Rank));
        var values = w.ToF32().Span<float>();
        var t = Tensor.Allocate(DType.F32, s.With(1, 1));
        var to = t.Span<float>();
        for (int m = 0; m < filters; m++)
            for (int i = 0; i < channels; i++)
                for (int k = 0; k < taps; k++) to[m * taps + k] += values[(m * channels + i) * taps + k] < 0 ? -1 : 1;
        return t;
    });

    public static void Pool(StreamContext c, BinaryMaxPool op)
    {
        sbyte[] directions = c.Has(1) ? (c.Known(1) ?? throw c.Refuse("its directions are computed")).Span<sbyte>().ToArray() : [];
        var x = c.Only();
        bool down = directions.Any(d => d < 0), up = directions.Length == 0 || directions.Any(d => d >= 0);
        if (!down || !up || Padded(c, op.Window, [], x) is not { } axes)
        {
            StreamForms.Windows(c, op.Window, [], down ? 1 : -1, a => new BinaryMaxPool(a));
            return;
        }
        // The smallest of signs is the largest of their opposites turned round: padding is −1 for all.
        int k = x.Axis - 2;
        var turn = Value.Of($"{c.Node.Name}.directions", Tensor.From(new Shape([directions.Length, .. Enumerable.Repeat(1L, axes.Length)]), [.. directions.Select(d => d < 0 ? -1f : 1f)]));
        var turned = c.Insert(new Mul(Attributes.None), [x.Wire, turn]);
        bool ceil = op.Window.Ceil && op.Window.AutoPad == AutoPad.NotSet;
        var (operand, delay, time) = StreamForms.Window(c, x with { Wire = turned.Wire }, axes[k], axes[k].PadEnd, ceil, -1);
        var a = StreamForms.WithPads(op.Attributes, axes, k);
        var y = c.Emit(new Mul(Attributes.None), [c.Insert(new BinaryMaxPool(a), [operand.Wire]).Wire, turn])[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, x.Axis, x.Frames / axes[k].Stride, delay, time));
    }
}
