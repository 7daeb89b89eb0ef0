namespace Engine.Graph.Operators;

/// <summary>An operator whose values are no plain tensors, or whose outputs are known only after it has run: there is no type to state before.</summary>
public abstract class DynamicOperator(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public sealed override OperatorKind Kind => OperatorKind.Dynamic;

    /// <inheritdoc/>
    public sealed override void Infer(InferContext c) { }
}
