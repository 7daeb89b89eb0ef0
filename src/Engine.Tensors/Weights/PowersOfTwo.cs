namespace Engine.Tensors;

/// <summary>
/// E8M0 scales of the OCP microscaling formats: one byte c stands for 2^(c − 127); 255 is NaN. They widen to f32 exactly, 2⁻¹²⁷ as a
/// subnormal.
/// </summary>
public sealed class PowersOfTwo : EncodedWeight
{
    /// <summary>Creates the scales from codes u8.</summary>
    public PowersOfTwo(Tensor codes) : base(codes.Shape, DType.F32)
    {
        Require(codes.DType == DType.U8, $"E8M0 codes are u8, not {codes.DType.Display()}");
        Codes = codes;
    }

    /// <summary>The biased exponents.</summary>
    public Tensor Codes { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Codes.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => "E8M0";

    private protected override void DecodeTo(Span<float> y)
    {
        var c = Codes.Bytes;
        for (int i = 0; i < y.Length; i++) y[i] = c[i] == 255 ? float.NaN : MathF.ScaleB(1, c[i] - 127);
    }
}
