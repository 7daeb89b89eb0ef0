namespace Engine.Tensors;

/// <summary>
/// The constant operand of a linear operator, as an expression: every compression method leaves a linear map in a special form.
/// Each form can be decoded to dense (total); kernels registered for a form replace the decode (fast).
/// </summary>
public abstract class Weight
{
    /// <summary>Logical shape: what a dense tensor would have.</summary>
    public abstract Shape Shape { get; }

    /// <summary>Logical element type.</summary>
    public abstract DType DType { get; }

    /// <summary>Bytes this form stores, children included.</summary>
    public abstract long StoredBytes { get; }

    /// <summary>The form in the notation of the documentation, as in <c>Quantized(4, g32)</c>.</summary>
    public abstract string Describe();

    /// <summary>The dense tensor this expression stands for.</summary>
    public abstract Tensor Decode();

    /// <inheritdoc/>
    public sealed override string ToString() => $"{Describe()} {DType.Display()}{Shape}";
}
