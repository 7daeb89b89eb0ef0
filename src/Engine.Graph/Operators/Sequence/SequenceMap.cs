namespace Engine.Graph.Operators;

/// <summary>ONNX SequenceMap: a graph applied to each item of the first sequence, with the items of further sequences at the same position, and tensors as they are.</summary>
public sealed class SequenceMap(Attributes a) : DynamicOperator(a)
{
    /// <summary>The graph.</summary>
    public ModelGraph Body { get; } = a.Graph("body");

    /// <inheritdoc/>
    public override string Name => "SequenceMap";

    /// <inheritdoc/>
    public override IReadOnlyList<ModelGraph> Subgraphs => [Body];
}
