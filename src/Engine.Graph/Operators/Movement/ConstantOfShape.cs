using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX ConstantOfShape: one value (f32 zero unless given) repeated over the shape that the input holds.</summary>
public sealed class ConstantOfShape : Operator
{
    /// <summary>Creates the operator.</summary>
    public ConstantOfShape(Attributes a) : base(a)
    {
        Value = a.Tensor("value") ?? Tensor.Vector(0f);
        if (Value.Shape.Elements != 1) throw new OperatorException($"attribute 'value' has shape {Value.Shape}, expected one element");
        if (Value.DType == DType.String) throw new UnsupportedException("ConstantOfShape of strings is not supported");
    }

    /// <summary>The value, one element.</summary>
    public Tensor Value { get; }

    /// <inheritdoc/>
    public override string Name => "ConstantOfShape";

    /// <inheritdoc/>
    public override bool MovesData => Value.DType.IsPacked();

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (c.Shape(0).Rank > 1) throw new OperatorException($"the shape input has shape {c.Shape(0)}, expected one axis");
        if (c.TryLongs(0, out var dims)) c.Set(0, Value.DType, new Shape(dims));
    }
}
