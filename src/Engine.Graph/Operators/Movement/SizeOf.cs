using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Size: the number of elements as an i64 scalar; known as soon as the input's type is.</summary>
public sealed class SizeOf(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Size";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.OfTypes;

    /// <inheritdoc/>
    public override void Infer(InferContext c) => c.SetValue(0, Tensor.Scalar(c.Shape(0).Elements));
}
