namespace Engine.Graph.Operators;

/// <summary>ONNX Identity: the input, whatever kind of value it is.</summary>
public sealed class Identity(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Identity";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.View;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c) => c.Set(0, c.In(0));
}
