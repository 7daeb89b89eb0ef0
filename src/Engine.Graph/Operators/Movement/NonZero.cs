namespace Engine.Graph.Operators;

/// <summary>ONNX NonZero: indices of the non-zero elements, [rank, count] i64, in row-major order.</summary>
public sealed class NonZero(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "NonZero";
}
