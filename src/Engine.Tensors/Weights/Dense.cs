namespace Engine.Tensors;

/// <summary>A plain tensor of any element type.</summary>
public sealed class Dense(Tensor values) : Weight
{
    /// <summary>The values, row-major.</summary>
    public Tensor Values { get; } = values;

    /// <inheritdoc/>
    public override Shape Shape => Values.Shape;

    /// <inheritdoc/>
    public override DType DType => Values.DType;

    /// <inheritdoc/>
    public override long StoredBytes => Values.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => "Dense";

    /// <inheritdoc/>
    public override Tensor Decode() => Values;
}
