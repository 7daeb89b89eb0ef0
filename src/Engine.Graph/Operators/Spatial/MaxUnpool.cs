using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX MaxUnpool: puts each value where MaxPool found it, by the flat indices of MaxPool's input; zero elsewhere.</summary>
public sealed class MaxUnpool(Attributes a) : Operator(a)
{
    private readonly WindowAttributes _window = new(a);

    /// <inheritdoc/>
    public override string Name => "MaxUnpool";

    /// <summary>The shape MaxPool's input had, as the attributes give it; indices refer to it.</summary>
    public Shape PooledShape(Shape x)
    {
        if (_window.Kernel is null) throw new OperatorException("attribute 'kernel_shape' is missing");
        var axes = _window.Axes(x, []);
        var d = x.ToArray();
        for (int i = 0; i < axes.Length; i++)
        {
            long size = Checked.Mul(Math.Max(0, axes[i].Input - 1), axes[i].Stride) + axes[i].Kernel - axes[i].PadBegin - axes[i].PadEnd;
            d[i + 2] = axes[i].Input == 0 ? 0 : size >= 0 ? size : throw new OperatorException($"pads exceed the size of axis {i + 2}");
        }
        return new Shape(d);
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I64);
        if (c.Shape(0) != c.Shape(1)) throw new OperatorException($"values {c.Shape(0)} and indices {c.Shape(1)} must have one shape");
        var shape = PooledShape(c.Shape(0));
        if (c.Has(2))
        {
            if (!c.TryLongs(2, out var given)) return;
            if (given.Length != shape.Rank) throw new OperatorException($"output_shape [{string.Join(',', given)}] must have rank {shape.Rank}");
            if (given[0] != shape[0] || given[1] != shape[1]) throw new OperatorException($"output_shape [{string.Join(',', given)}] must keep batch and channels of {c.Shape(0)}");
            shape = new Shape(given);
        }
        c.Set(0, c.DType(0), shape);
    }
}
