namespace Engine.Graph.Operators;

/// <summary>ONNX If: runs one of two graphs without inputs; both read wires of the graph around them.</summary>
public sealed class If(Attributes a) : Operator(a)
{
    /// <summary>The graph for a true condition.</summary>
    public ModelGraph Then { get; } = a.Graph("then_branch");

    /// <summary>The graph for a false condition.</summary>
    public ModelGraph Else { get; } = a.Graph("else_branch");

    /// <inheritdoc/>
    public override string Name => "If";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.Dynamic;

    /// <inheritdoc/>
    public override IReadOnlyList<ModelGraph> Subgraphs => [Then, Else];

    /// <inheritdoc/>
    public override void Infer(InferContext c) { }
}
