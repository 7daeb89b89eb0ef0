using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// The grid of a quantized wire: its logical f32 value is scale · (q − zero) for an 8-bit code q. Scale and zero point are per tensor.
/// A producer that computes plain f32 must round its result to the grid (nearest, ties to even, saturating) to give the wire's value.
/// </summary>
/// <param name="Code">Element type of the codes: u8 or i8.</param>
/// <param name="Scale">Distance between neighbouring values; positive and finite.</param>
/// <param name="Zero">The code that stands for 0.</param>
public sealed record WireQuantization(DType Code, float Scale, int Zero)
{
    /// <summary>The grid that a constant scale and a constant 8-bit zero point, one element each, stand for; null where they are anything else.</summary>
    public static WireQuantization? Of(Value scale, Value zero)
    {
        if (scale.ConstantTensor is not { DType: DType.F32, Shape: { Elements: 1, Rank: <= 1 } } s || zero.ConstantTensor is not { DType: DType.U8 or DType.I8, Shape.Elements: 1 } z) return null;
        float step = s.Span<float>()[0];
        return step > 0 && float.IsFinite(step) ? new(z.DType, step, QuantCodes.Read(z.DType, z.Bytes, 0)) : null;
    }

    /// <summary>Smallest code.</summary>
    public int MinCode => Code == DType.I8 ? -128 : 0;

    /// <summary>Largest code.</summary>
    public int MaxCode => Code == DType.I8 ? 127 : 255;

    /// <summary>The code nearest to <paramref name="x"/>: x / scale rounded to nearest even, plus zero, saturated. NaN gives the smallest code.</summary>
    public int Encode(float x)
    {
        float r = MathF.Round(x / Scale, MidpointRounding.ToEven) + Zero;
        return r >= MaxCode ? MaxCode : r >= MinCode ? (int)r : MinCode;
    }

    /// <summary>The value of a code.</summary>
    public float Decode(int code) => (code - Zero) * Scale;

    /// <inheritdoc/>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Code.Display()} · {Scale:g6} zero {Zero}");
}
