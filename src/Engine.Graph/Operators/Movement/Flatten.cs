using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Flatten: a matrix whose rows are the axes before <c>axis</c> and whose columns are the rest.</summary>
public sealed class Flatten(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", 1);

    /// <inheritdoc/>
    public override string Name => "Flatten";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.View;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        if (_axis < -x.Rank || _axis > x.Rank) throw new OperatorException($"axis {_axis} is outside [-{x.Rank}, {x.Rank}] for shape {x}");
        int axis = (int)(_axis < 0 ? _axis + x.Rank : _axis);
        c.Set(0, c.DType(0), new Shape(x.Product(0, axis), x.Product(axis, x.Rank)));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.View(c, x => StreamForms.Infer(c, x));
}
