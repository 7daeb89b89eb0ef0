using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// The ONNX Reduce operators: folds the elements along some axes. Axes are an attribute at first, an input from opset 18 (ReduceSum:
/// 13); none means all, or no reduction with <c>noop_with_empty_axes</c>.
/// </summary>
public abstract class Reduce(Attributes a) : Operator(a)
{
    private readonly long[]? _axes = a.Ints("axes");
    private readonly bool _keepDims = a.Bool("keepdims", true), _noop = a.Bool("noop_with_empty_axes");

    /// <summary>True for types that have an order but no arithmetic: booleans.</summary>
    protected virtual bool TakesBooleans => false;

    /// <summary>
    /// Which axes of an input of shape <paramref name="x"/> are folded, given the axes input's value (null when absent); null when the
    /// operator passes its input through.
    /// </summary>
    public bool[]? Reduced(Shape x, long[]? axes)
    {
        axes ??= _axes ?? [];
        if (axes.Length == 0 && _noop) return null;
        var reduced = new bool[x.Rank];
        if (axes.Length == 0) Array.Fill(reduced, true);
        foreach (long axis in axes)
        {
            int i = x.Axis(axis);
            if (i < reduced.Length) reduced[i] = true;
        }
        return reduced;
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (!c.DType(0).IsFloat() && !c.DType(0).IsInteger() && !(TakesBooleans && c.DType(0) == DType.Bool)) throw new OperatorException($"input 0 has element type {c.DType(0).Display()}, expected numbers");
        long[]? axes = null;
        if (c.Has(1) && !c.TryLongs(1, out axes)) return;
        var x = c.Shape(0);
        if (Reduced(x, axes) is not { } reduced)
        {
            c.Set(0, c.In(0));
            return;
        }
        var dims = new List<long>();
        for (int i = 0; i < x.Rank; i++)
            if (!reduced[i]) dims.Add(x[i]);
            else if (_keepDims) dims.Add(1);
        c.Set(0, c.DType(0), new Shape([.. dims]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it folds the whole signal");
}

/// <summary>Σ x.</summary>
public sealed class ReduceSum(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceSum";
}

/// <summary>Σ x / n; integers round towards zero.</summary>
public sealed class ReduceMean(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceMean";
}

/// <summary>Π x.</summary>
public sealed class ReduceProd(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceProd";
}

/// <summary>Σ |x|.</summary>
public sealed class ReduceL1(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceL1";
}

/// <summary>√Σ x².</summary>
public sealed class ReduceL2(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceL2";
}

/// <summary>log Σ x.</summary>
public sealed class ReduceLogSum(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceLogSum";
}

/// <summary>log Σ eˣ.</summary>
public sealed class ReduceLogSumExp(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceLogSumExp";
}

/// <summary>Σ x².</summary>
public sealed class ReduceSumSquare(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceSumSquare";
}

/// <summary>The largest element; of none, the least value of the type.</summary>
public sealed class ReduceMax(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceMax";

    /// <inheritdoc/>
    protected override bool TakesBooleans => true;
}

/// <summary>The smallest element; of none, the greatest value of the type.</summary>
public sealed class ReduceMin(Attributes a) : Reduce(a)
{
    /// <inheritdoc/>
    public override string Name => "ReduceMin";

    /// <inheritdoc/>
    protected override bool TakesBooleans => true;
}
