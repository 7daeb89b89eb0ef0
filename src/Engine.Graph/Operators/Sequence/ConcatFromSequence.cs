namespace Engine.Graph.Operators;

/// <summary>ONNX ConcatFromSequence: the tensors one after the other along an axis, or stacked along a new one.</summary>
public sealed class ConcatFromSequence(Attributes a) : DynamicOperator(a)
{
    /// <summary>The axis.</summary>
    public long Axis { get; } = a.Int("axis");

    /// <summary>True for a new axis.</summary>
    public bool NewAxis { get; } = a.Bool("new_axis");

    /// <inheritdoc/>
    public override string Name => "ConcatFromSequence";
}
