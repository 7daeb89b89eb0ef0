using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Two inputs that broadcast, one output. Before opset 7 broadcasting is asked for by attributes and only the second input broadcasts.</summary>
public abstract class BinaryOperator : Operator
{
    private readonly DType[] _allowed;
    private readonly DType[]? _exponent;
    private readonly DType? _result;
    private readonly bool _byAttribute;
    private readonly long? _axis;

    private protected BinaryOperator(Attributes a, string name, DType[] allowed, DType? result = null, DType[]? exponent = null) : base(a)
    {
        (Name, _allowed, _result, _exponent) = (name, allowed, result, exponent);
        _byAttribute = a.Opset < 7 && a.Bool("broadcast");
        if (_byAttribute && a.Has("axis")) _axis = a.Int("axis");
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override bool IsElementwise => true;

    /// <summary>The second input's shape as NumPy's rule needs it: before opset 7 its first dimension may stand at an axis of the first input.</summary>
    public virtual Shape AlignSecond(Shape a, Shape b)
    {
        if (!_byAttribute || _axis is null) return b;
        int axis = a.Axis(_axis.Value);
        if (axis + b.Rank > a.Rank) throw new OperatorException($"shape {b} at axis {axis} exceeds shape {a}");
        var d = new long[a.Rank - axis];
        Array.Fill(d, 1);
        b.Dims.CopyTo(d);
        return new Shape(d);
    }

    /// <inheritdoc/>
    public sealed override void Infer(InferContext c)
    {
        c.Require(0, _allowed);
        if (_exponent is null) c.RequireSame(0, 1);
        else c.Require(1, _exponent);
        c.Set(0, _result ?? c.DType(0), Shape.Broadcast(c.Shape(0), AlignSecond(c.Shape(0), c.Shape(1))));
    }
}
