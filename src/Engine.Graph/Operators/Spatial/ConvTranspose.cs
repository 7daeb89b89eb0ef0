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
}
