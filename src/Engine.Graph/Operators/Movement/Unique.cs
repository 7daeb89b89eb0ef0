namespace Engine.Graph.Operators;

/// <summary>
/// ONNX Unique: distinct elements (or slices along an axis), ascending or by first appearance; the index of each one's first
/// appearance; for every element the index of its representative; counts.
/// </summary>
public sealed class Unique(Attributes a) : DynamicOperator(a)
{
    /// <summary>The axis, or null for the flattened input.</summary>
    public long? Axis { get; } = a.Has("axis") ? a.Int("axis") : null;

    /// <summary>True for ascending order, false for order of appearance.</summary>
    public bool Sorted { get; } = a.Bool("sorted", true);

    /// <inheritdoc/>
    public override string Name => "Unique";
}
