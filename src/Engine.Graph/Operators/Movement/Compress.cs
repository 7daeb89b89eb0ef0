namespace Engine.Graph.Operators;

/// <summary>ONNX Compress: slices along an axis (or elements of the flattened input) whose condition is true.</summary>
public sealed class Compress(Attributes a) : DynamicOperator(a)
{
    /// <summary>The axis, or null for the flattened input.</summary>
    public long? Axis { get; } = a.Has("axis") ? a.Int("axis") : null;

    /// <inheritdoc/>
    public override string Name => "Compress";
}
