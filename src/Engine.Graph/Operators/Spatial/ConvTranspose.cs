using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX ConvTranspose: X [N, C, …], W [C, M / group, …], optional bias [M]; the gradient of Conv in its input.</summary>
public sealed class ConvTranspose(Attributes a) : Operator(a)
{
    private readonly long[]? _outputPadding = a.Ints("output_padding"), _outputShape = a.Ints("output_shape");

    /// <inheritdoc/>
    public override string Name => "ConvTranspose";

    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <summary>Number of channel groups.</summary>
    public int Group { get; } = a.Int("group", 1) is var g and > 0 and <= int.MaxValue ? (int)g : throw new OperatorException($"group is {a.Int("group")}, expected at least 1");

    /// <summary>
    /// The windows of the forward convolution whose gradient this is: its <see cref="WindowAxis.Input"/> is this operator's output and
    /// its <see cref="WindowAxis.Output"/> this operator's input. Padding may be negative where output_shape asks for more than is there.
    /// </summary>
    public WindowAxis[] Windows(Shape x, Shape w)
    {
        var axes = Window.Axes(x, w.Dims[2..]);
        int rank = axes.Length;
        if (_outputPadding is { Length: > 0 } p && p.Length != rank) throw new OperatorException($"output_padding has {p.Length} entries, expected {rank}");
        // Some models give output_shape with batch and channels in front.
        var given = _outputShape is { Length: > 0 } s ? s.Length == rank ? s : s.Length == rank + 2 ? s[2..] : throw new OperatorException($"output_shape has {s.Length} entries, expected {rank}") : null;
        var windows = new WindowAxis[rank];
        for (int i = 0; i < rank; i++)
        {
            var (input, kernel, stride, dilation, begin, end) = axes[i];
            long extra = _outputPadding is { Length: > 0 } e ? e[i] : 0;
            if (extra < 0) throw new OperatorException($"output_padding holds {extra}, expected at least 0");
            long full = Checked.Add(Checked.Add(Checked.Mul(stride, Math.Max(0, input - 1)), extra), (kernel - 1L) * dilation + 1), output;
            if (given is not null || Window.AutoPad is AutoPad.SameUpper or AutoPad.SameLower)
            {
                output = given is not null ? given[i] : Checked.Mul(input, stride);
                if (output < 0) throw new OperatorException($"output_shape holds {output}");
                long total = full - output;
                long half = total < 0 ? 0 : total / 2;
                begin = Checked.Int(total < 0 || Window.AutoPad == AutoPad.SameUpper ? half : total - half);
                end = checked((int)Math.Clamp(total - begin, int.MinValue, int.MaxValue));
            }
            else
            {
                output = full - begin - end;
                if (output < 0) throw new OperatorException($"padding {begin} and {end} exceed the {full} outputs of axis {i + 2}");
            }
            if (input == 0) output = given is not null ? output : 0;
            // Kernels compute positions with 32-bit integers.
            Checked.Int(full + begin + Math.Abs((long)end) + stride);
            windows[i] = new WindowAxis(Checked.Int(output), input, kernel, stride, dilation, begin, end);
        }
        return windows;
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var (x, w) = (c.Shape(0), c.Shape(1));
        c.RequireSame(0, 1);
        c.RequireSame(0, 2);
        if (x.Rank < 3 || w.Rank != x.Rank) throw new OperatorException($"input {x} and weights {w} must have one rank of at least 3");
        if (w[0] != x[1] || x[1] % Group != 0) throw new OperatorException($"weights {w} do not fit the channels of {x} in {Group} groups");
        long channels = Checked.Mul(w[1], Group);
        if (c.Has(2) && (c.Shape(2).Rank != 1 || c.Shape(2)[0] != channels)) throw new OperatorException($"bias {c.Shape(2)} does not fit {channels} output channels");
        var windows = Windows(x, w);
        var d = new long[x.Rank];
        (d[0], d[1]) = (x[0], channels);
        for (int i = 0; i < windows.Length; i++) d[i + 2] = windows[i].Input;
        c.Set(0, c.DType(0), new Shape(d));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var (x, w) = (c.Shape(0), c.Shape(1));
        return new(2.0 * x.Elements * (w[0] == 0 ? 0 : (double)w.Elements / w[0]), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        var x = c.Only();
        if (x.Axis == 1) throw c.Refuse("it sums over channels, along which the stream runs");
        if (x.Axis == 0 || c.Approximate)
        {
            StreamForms.Along(c, axis => axis > 0, "frames that overlap the next hop's would be lost");
            return;
        }
        if (_outputShape is { Length: > 0 }) throw c.Refuse("its output_shape fixes the length");
        int k = x.Axis - 2;
        var windows = Windows(x.Type.Shape.With(x.Axis, 1 << 20), c.Type(1).Shape);
        var w = windows[k];
        long reach = (w.Kernel - 1L) * w.Dilation + 1, stride = w.Stride, past = Math.Max(0, Checked.CeilDiv(reach, stride) - 1);
        long end = w.Input - (stride * (w.Output - 1L) + reach) + w.PadBegin;
        // The frames that reach into this hop are computed again with it; what they give before it is cut off, and so is what this hop's give behind it.
        var operand = c.Delay(x, 0, past, 0);
        long[] pads = [.. windows.Select((a, i) => i == k ? past * stride : a.PadBegin), .. windows.Select((a, i) => i == k ? Math.Max(0, reach - stride) : a.PadEnd)];
        long[] extra = _outputPadding is { Length: > 0 } p ? [.. p] : new long[windows.Length];
        extra[k] = Math.Max(0, stride - reach);
        var inputs = c.Wires();
        inputs[0] = operand.Wire;
        var y = c.Emit(new ConvTranspose(Attributes.With("pads", pads).With("output_padding", extra).With("auto_pad", "NOTSET")), inputs)[0]!.Value;
        var of = x.Time;
        var time = new StreamTime(n => of.Length(n) is var i and > 0 ? Math.Max(0, (i - 1) * stride + reach - w.PadBegin + end) : 0, of.Step / stride, of.Newest + of.Step * (w.PadBegin / stride)) { Field = of.Field + of.Step * ((reach - 1) / stride) };
        var result = new Pulse(y.Wire, y.Type, x.Axis, Checked.Int(x.Frames * stride), x.Delay * stride + w.PadBegin, time);
        // An input frame gives a stride of frames; where the last one gives fewer, that is known a stride later.
        long cut = stride - (reach + end);
        if (cut > 0) c.Alias(0, c.Delay(result, cut, 0));
        else c.Give(0, result);
    }
}
