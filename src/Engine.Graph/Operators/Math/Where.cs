using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Where: input 1 where the condition (input 0) holds, else input 2; all broadcast.</summary>
public sealed class Where(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Where";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.Bool);
        c.RequireSame(1, 2);
        c.Set(0, c.DType(1), Shape.Broadcast(c.Shape(0), Shape.Broadcast(c.Shape(1), c.Shape(2))));
    }
}
