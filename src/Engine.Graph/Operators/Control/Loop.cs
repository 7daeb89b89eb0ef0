namespace Engine.Graph.Operators;

/// <summary>
/// ONNX Loop: body(iteration i64, condition, carried…) → (condition, carried…, scanned…), up to a trip count and while the condition
/// holds; scanned outputs are stacked along a new axis 0.
/// </summary>
public sealed class Loop(Attributes a) : Operator(a)
{
    /// <summary>The body.</summary>
    public ModelGraph Body { get; } = a.Graph("body");

    /// <inheritdoc/>
    public override string Name => "Loop";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.Dynamic;

    /// <inheritdoc/>
    public override IReadOnlyList<ModelGraph> Subgraphs => [Body];

    /// <inheritdoc/>
    public override void Infer(InferContext c) { }
}
