namespace Engine.Tensors;

/// <summary>
/// Codec of 8- and 4-bit floats: sign | exponent | mantissa. Rounds to nearest, ties to even, from binary32.
/// <para>FN: no infinity, NaN is all ones. FNUZ: no infinity, no negative zero, NaN is 0x80. IEEE: E5M2 with infinities.
/// E2M1 (OCP MX): neither NaN nor infinity.</para>
/// </summary>
public sealed class SmallFloat
{
    private enum Special { Ieee, Fn, Fnuz, None }

    private readonly int _mantissa, _bias, _bits;
    private readonly Special _special;
    private readonly float[] _decode;
    private readonly byte _maxCode;

    private SmallFloat(int bits, int mantissa, int bias, Special special)
    {
        (_bits, _mantissa, _bias, _special) = (bits, mantissa, bias, special);
        _decode = new float[1 << bits];
        for (int c = 0; c < _decode.Length; c++) _decode[c] = DecodeBits(c);
        int best = 0;
        for (int c = 0; c < 1 << (bits - 1); c++) if (float.IsFinite(_decode[c]) && _decode[c] > _decode[best]) best = c;
        _maxCode = (byte)best;
    }

    /// <summary>E4M3FN, bias 7, largest 448.</summary>
    public static SmallFloat E4M3FN { get; } = new(8, 3, 7, Special.Fn);
    /// <summary>E4M3FNUZ, bias 8, largest 240.</summary>
    public static SmallFloat E4M3FNUZ { get; } = new(8, 3, 8, Special.Fnuz);
    /// <summary>E5M2, bias 15, largest 57344.</summary>
    public static SmallFloat E5M2 { get; } = new(8, 2, 15, Special.Ieee);
    /// <summary>E5M2FNUZ, bias 16, largest 57344.</summary>
    public static SmallFloat E5M2FNUZ { get; } = new(8, 2, 16, Special.Fnuz);
    /// <summary>E2M1, bias 1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.</summary>
    public static SmallFloat E2M1 { get; } = new(4, 1, 1, Special.None);

    /// <summary>The codec of an element type; throws for other types.</summary>
    public static SmallFloat Of(DType t) => t switch
    {
        DType.F8E4M3FN => E4M3FN,
        DType.F8E4M3FNUZ => E4M3FNUZ,
        DType.F8E5M2 => E5M2,
        DType.F8E5M2FNUZ => E5M2FNUZ,
        DType.F4E2M1 => E2M1,
        _ => throw new UnsupportedException($"{t.Display()} is not an 8- or 4-bit float"),
    };

    /// <summary>Largest finite value.</summary>
    public float Max => _decode[_maxCode];

    /// <summary>The value of a code; exact.</summary>
    public float Decode(byte code) => _decode[code];

    /// <summary>The code nearest to <paramref name="v"/>. Beyond range: the largest value when saturating, else infinity or NaN.</summary>
    public byte Encode(float v, bool saturate = true)
    {
        int sign = v < 0 || float.IsNegative(v) ? 1 << (_bits - 1) : 0;
        if (float.IsNaN(v)) return _special switch { Special.Fnuz => 0x80, Special.None => (byte)(sign | _maxCode), _ => (byte)(sign | 0x7F) };
        float a = Math.Abs(v);
        if (float.IsInfinity(a))
            return saturate ? (byte)(sign | _maxCode) : Overflow(sign);
        // Codes of one sign are ordered like the values they stand for: find the neighbours, round to nearest, ties to the even code.
        int lo = 0, hi = _maxCode;
        if (a >= _decode[hi])
        {
            float step = _decode[hi] - _decode[hi - 1];
            // Half a step above the largest value still rounds down to it unless its code is odd: then the tie goes up, out of range.
            float limit = _decode[hi] + step / 2;
            bool over = a > limit || a == limit && (hi & 1) != 0;
            return !over || saturate ? (byte)(sign | hi) : Overflow(sign);
        }
        while (hi - lo > 1)
        {
            int mid = (lo + hi) / 2;
            if (_decode[mid] <= a) lo = mid;
            else hi = mid;
        }
        double dl = (double)a - _decode[lo], dh = (double)_decode[hi] - a;
        int code = dl < dh || dl == dh && (lo & 1) == 0 ? lo : hi;
        if (code == 0 && _special == Special.Fnuz) sign = 0;
        return (byte)(sign | code);
    }

    private byte Overflow(int sign) => _special switch
    {
        Special.Ieee => (byte)(sign | ((1 << (_bits - 1 - _mantissa)) - 1) << _mantissa),
        Special.Fn => (byte)(sign | 0x7F),
        Special.Fnuz => 0x80,
        _ => (byte)(sign | _maxCode),
    };

    private float DecodeBits(int c)
    {
        int m = c & (1 << _mantissa) - 1;
        int exponentBits = _bits - 1 - _mantissa;
        int e = c >> _mantissa & (1 << exponentBits) - 1;
        bool negative = c >> (_bits - 1) != 0;
        int top = (1 << exponentBits) - 1;
        if (_special == Special.Ieee && e == top) return m != 0 ? float.NaN : negative ? float.NegativeInfinity : float.PositiveInfinity;
        if (_special == Special.Fn && e == top && m == (1 << _mantissa) - 1) return float.NaN;
        if (_special == Special.Fnuz && c == 0x80) return float.NaN;
        double v = e == 0
            ? m * Math.ScaleB(1, 1 - _bias - _mantissa)
            : (m + (1 << _mantissa)) * Math.ScaleB(1, e - _bias - _mantissa);
        return (float)(negative ? -v : v);
    }
}

/// <summary>One code of <see cref="SmallFloat.E4M3FN"/>.</summary>
public readonly record struct F8E4M3FN(byte Bits);
/// <summary>One code of <see cref="SmallFloat.E4M3FNUZ"/>.</summary>
public readonly record struct F8E4M3FNUZ(byte Bits);
/// <summary>One code of <see cref="SmallFloat.E5M2"/>.</summary>
public readonly record struct F8E5M2(byte Bits);
/// <summary>One code of <see cref="SmallFloat.E5M2FNUZ"/>.</summary>
public readonly record struct F8E5M2FNUZ(byte Bits);

/// <summary>Two 4-bit elements a byte, low nibble first.</summary>
public static class Packed4
{
    /// <summary>Element <paramref name="i"/> as an unsigned code.</summary>
    public static int Get(ReadOnlySpan<byte> bytes, long i) => bytes[(int)(i >> 1)] >> (int)((i & 1) * 4) & 15;

    /// <summary>Element <paramref name="i"/> as a signed value in [−8, 7].</summary>
    public static int GetSigned(ReadOnlySpan<byte> bytes, long i) => (Get(bytes, i) ^ 8) - 8;

    /// <summary>Stores the low four bits of <paramref name="value"/>.</summary>
    public static void Set(Span<byte> bytes, long i, int value)
    {
        int shift = (int)((i & 1) * 4);
        ref byte b = ref bytes[(int)(i >> 1)];
        b = (byte)(b & ~(15 << shift) | (value & 15) << shift);
    }
}
