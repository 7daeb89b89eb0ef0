using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Expand: the input broadcast against a shape; a 1 in either gives way to the other.</summary>
public sealed class Expand(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Expand";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (c.TryLongs(1, out var dims)) c.Set(0, c.DType(0), Shape.Broadcast(c.Shape(0), new Shape(dims)));
    }
}
