namespace Engine.Graph.Operators;

/// <summary>ONNX SplitToSequence: consecutive parts of a tensor along an axis: of given lengths, of one length (the last may be shorter), or of 1 with the axis dropped unless <c>keepdims</c>.</summary>
public sealed class SplitToSequence(Attributes a) : DynamicOperator(a)
{
    /// <summary>The axis.</summary>
    public long Axis { get; } = a.Int("axis", 0);

    /// <summary>True when parts of 1 keep the axis.</summary>
    public bool KeepDims { get; } = a.Bool("keepdims", true);

    /// <inheritdoc/>
    public override string Name => "SplitToSequence";
}
