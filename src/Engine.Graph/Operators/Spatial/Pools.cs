using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>A pool: one value a window, channel by channel.</summary>
public abstract class Pool(Attributes a) : Operator(a)
{
    /// <summary>Window attributes.</summary>
    public WindowAttributes Window { get; } = new(a);

    /// <summary>The windows for a concrete input shape.</summary>
    public WindowAxis[] Windows(Shape x) => Window.Kernel is null ? throw new OperatorException("attribute 'kernel_shape' is missing") : Window.Resolve(x, []);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var shape = WindowAttributes.OutputShape(c.Shape(0), c.Shape(0).Rank > 1 ? c.Shape(0)[1] : 0, Windows(c.Shape(0)));
        c.Set(0, c.DType(0), shape);
        if (c.OutputCount > 1) c.Set(1, DType.I64, shape);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.OutputElements * Windows(c.Shape(0)).Aggregate(1.0, (n, w) => n * w.Kernel), c.TotalBytes);
}

/// <summary>ONNX AveragePool; padding counts when <c>count_include_pad</c> is set, outputs past the padding never do.</summary>
public sealed class AveragePool(Attributes a) : Pool(a)
{
    /// <inheritdoc/>
    public override string Name => "AveragePool";

    /// <summary>True when padding counts in the divisor.</summary>
    public bool CountIncludePad { get; } = a.Bool("count_include_pad");

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        int k = c.Only().Axis - 2;
        bool pads = k >= 0 && !c.Approximate && (Window.AutoPad is AutoPad.SameUpper or AutoPad.SameLower || Window.Ceil || Window.Pads is { Length: > 0 } p && (p[k] | p[k + p.Length / 2]) != 0);
        if (pads && !CountIncludePad) StreamAverages.Stream(c, this);
        else if (pads && Window.Ceil) throw c.Refuse("a window that reaches past the padding at the end divides by fewer elements");
        else StreamForms.Windows(c, Window, [], 0, a => new AveragePool(a));
    }
}

/// <summary>ONNX MaxPool, with the flat indices of the maxima as optional second output.</summary>
public sealed class MaxPool(Attributes a) : Pool(a)
{
    /// <inheritdoc/>
    public override string Name => "MaxPool";

    /// <summary>True when indices count the first spatial axis fastest.</summary>
    public bool ColumnMajor { get; } = a.Bool("storage_order");

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (Attributes.OutputCount > 1) throw c.Refuse("the places of maxima count from the begin of the signal");
        StreamForms.Windows(c, Window, [], float.NegativeInfinity, a => new MaxPool(a));
    }
}

/// <summary>ONNX LpPool: (Σ |x|^p)^(1/p) over each window.</summary>
public sealed class LpPool(Attributes a) : Pool(a)
{
    /// <inheritdoc/>
    public override string Name => "LpPool";

    /// <summary>The exponent.</summary>
    public double P { get; } = LpExponent.Read(a, 2);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Windows(c, Window, [], 0, a => new LpPool(a));
}

/// <summary>Reads <c>p</c>, a float in the first opset and an integer later.</summary>
internal static class LpExponent
{
    public static double Read(Attributes a, int integerSince)
    {
        double p = a.Opset < integerSince ? a.Float("p", 2) : a.Int("p", 2);
        return p > 0 ? p : throw new OperatorException($"p is {p}, expected a positive number");
    }
}

/// <summary>A pool over all spatial axes: [N, C, …] → [N, C, 1, …].</summary>
public abstract class GlobalPool(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        if (x.Rank < 2) throw new OperatorException($"input 0 has shape {x}, expected batch and channels");
        var d = x.ToArray();
        d.AsSpan(2).Fill(1);
        c.Set(0, c.DType(0), new Shape(d));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (Part is { } part && c.Windowed && c.Only() is { Axis: > 1 } x && StreamForms.HopOf(c, x, part) is { } hops) c.Emit(this, [c.Window(hops)]);
        else StreamForms.Along(c, axis => axis > 1, "it sums over the whole signal");
    }

    /// <summary>The pool over a part of a window whose results it pools to that of the window, or null.</summary>
    private protected virtual Func<Attributes, Operator>? Part => null;
}

/// <summary>ONNX GlobalAveragePool.</summary>
public sealed class GlobalAveragePool(Attributes a) : GlobalPool(a)
{
    /// <inheritdoc/>
    public override string Name => "GlobalAveragePool";

    private protected override Func<Attributes, Operator> Part => a => new AveragePool(a);
}

/// <summary>ONNX GlobalMaxPool.</summary>
public sealed class GlobalMaxPool(Attributes a) : GlobalPool(a)
{
    /// <inheritdoc/>
    public override string Name => "GlobalMaxPool";

    private protected override Func<Attributes, Operator> Part => a => new MaxPool(a);
}

/// <summary>ONNX GlobalLpPool: (Σ |x|^p)^(1/p) over each channel.</summary>
public sealed class GlobalLpPool(Attributes a) : GlobalPool(a)
{
    /// <inheritdoc/>
    public override string Name => "GlobalLpPool";

    /// <summary>The exponent.</summary>
    public double P { get; } = LpExponent.Read(a, 2);
}
