using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Index of an extreme element along an axis, i64.</summary>
public abstract class ArgExtreme(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", 0);
    private readonly bool _keepDims = a.Bool("keepdims", true);

    /// <summary>True to name the last of equal elements.</summary>
    public bool SelectsLast { get; } = a.Bool("select_last_index");

    /// <summary>The axis for an input of shape <paramref name="x"/>.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (!c.DType(0).IsFloat() && !c.DType(0).IsInteger()) throw new OperatorException($"input 0 has element type {c.DType(0).Display()}, expected numbers");
        var x = c.Shape(0);
        int axis = Axis(x);
        if (x.Rank == 0)
        {
            c.Set(0, DType.I64, x);
            return;
        }
        var y = _keepDims ? x.With(axis, 1) : new Shape([.. x.Dims[..axis], .. x.Dims[(axis + 1)..]]);
        if (x[axis] == 0 && y.Elements > 0) throw new OperatorException($"axis {axis} of input {x} has no element");
        c.Set(0, DType.I64, y);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it searches the whole signal");
}

/// <summary>ONNX ArgMax.</summary>
public sealed class ArgMax(Attributes a) : ArgExtreme(a)
{
    /// <inheritdoc/>
    public override string Name => "ArgMax";
}

/// <summary>ONNX ArgMin.</summary>
public sealed class ArgMin(Attributes a) : ArgExtreme(a)
{
    /// <inheritdoc/>
    public override string Name => "ArgMin";
}
