using System.Globalization;

namespace Engine.Tensors;

/// <summary>
/// Scales that are a power of two times one base: x[i] = base · 2^e[i].
/// <para>Layout: base f32 [1], positive and finite; exponents as one <see cref="BitStream"/> of 1 to 6 bits each, unsigned.</para>
/// <para>Range: base · [1, 2^(2^bits − 1)]; a factor that f32 cannot hold is refused. Reason: a product with such scales stays integer, sums are
/// shifted by the exponent and multiplied by the base once, at the end: channel scales of activations (TRIP) and groups of channels (ShiftQuant).</para>
/// </summary>
public sealed class PowerSteps : EncodedWeight
{
    /// <summary>Creates the scales; the exponents must keep base · 2^e finite.</summary>
    public PowerSteps(Shape shape, Tensor @base, int bits, Tensor exponents) : base(shape, DType.F32)
    {
        Require(@base.DType == DType.F32 && @base.Shape.Elements == 1 && @base.Span<float>()[0] is > 0 and < float.PositiveInfinity, $"the base is one positive finite f32, not {@base}");
        Require(bits is >= 1 and <= 6, $"exponents have 1 to 6 bits, not {bits}");
        Require(exponents.DType.BitWidth() is 8 or 4 && exponents.ByteLength == BitStream.Bytes(shape.Elements, bits), $"{shape.Elements} exponents of {bits} bits take {BitStream.Bytes(shape.Elements, bits)} bytes, not {exponents.ByteLength}");
        (Base, Bits, Exponents) = (@base, bits, exponents);
        for (long i = 0; i < shape.Elements; i++) Require(float.IsFinite(MathF.ScaleB(@base.Span<float>()[0], Exponent(i))), $"scale {i} is infinite");
    }

    /// <summary>The factor of exponent 0.</summary>
    public Tensor Base { get; }

    /// <summary>Bits an exponent.</summary>
    public int Bits { get; }

    /// <summary>The exponents, a stream of codes.</summary>
    public Tensor Exponents { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Base.ByteLength + Exponents.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"PowerSteps({Bits})");

    /// <summary>Exponent <paramref name="i"/>.</summary>
    public int Exponent(long i) => BitStream.Get(Exponents.Bytes, i, Bits);

    private protected override void DecodeTo(Span<float> y)
    {
        float b = Base.Span<float>()[0];
        for (int i = 0; i < y.Length; i++) y[i] = MathF.ScaleB(b, Exponent(i));
    }
}
