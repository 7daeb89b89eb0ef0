using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>Averages over windows in which padding does not count: the average with padding as zeros, divided by the share of frames inside the signal.</summary>
internal static class StreamAverages
{
    public static void Stream(StreamContext c, AveragePool op)
    {
        var x = c.Only();
        int k = x.Axis - 2;
        if (!x.Type.DType.IsFloat()) throw c.Refuse("an average of integers over fewer elements at the ends");
        var sized = x.Type.Shape.With(x.Axis, op.Window.AutoPad == AutoPad.NotSet ? Math.Max(x.Frames, 1L << 20) : Checked.Mul(x.Frames, 64));
        var axes = op.Windows(sized);
        var w = axes[k];
        bool ceil = op.Window.Ceil && op.Window.AutoPad == AutoPad.NotSet;
        var (operand, delay, time) = StreamForms.Window(c, x, w, w.PadEnd, ceil, 0);
        // The share: windows over a signal of ones.
        var shape = new Shape([x.Type.Shape[0], .. Enumerable.Range(1, x.Type.Shape.Rank - 1).Select(i => i == x.Axis ? x.Frames : 1L)]);
        var ones = ScalarValue.Fill(x.Type.DType, shape, 1);
        var (inside, _, _) = StreamForms.Window(c, x with { Wire = Value.Of($"{c.Node.Name}.ones", ones), Type = ones.Type }, w, w.PadEnd, ceil, 0);

        long[] Only(long other, long own) => [.. axes.Select((_, i) => i == k ? own : other)];
        var windows = op.Attributes.With("auto_pad", "NOTSET").With("ceil_mode", 0L);
        var sum = c.Insert(new AveragePool(windows.With("pads", (long[])[.. axes.Select((a, i) => i == k ? 0L : a.PadBegin), .. axes.Select((a, i) => i == k ? 0L : a.PadEnd)])), [operand.Wire]);
        var share = c.Insert(new AveragePool(windows.With("pads", new long[2 * axes.Length]).With("kernel_shape", Only(1, w.Kernel)).With("strides", Only(1, w.Stride)).With("dilations", Only(1, w.Dilation))), [inside.Wire]);
        var y = c.Emit(new Div(Attributes.None), [sum.Wire, share.Wire])[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, x.Axis, x.Frames / w.Stride, delay, time));
    }
}
