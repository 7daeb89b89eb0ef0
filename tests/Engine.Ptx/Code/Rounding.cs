namespace Engine.Ptx.Code;

/// <summary>Rounding where the processor's own, to nearest and even, is not what is wanted, or would round twice.</summary>
internal static class Rounding
{
    private static readonly float[] Halves = [.. Enumerable.Range(0, 65_536).Select(i => (float)BitConverter.UInt16BitsToHalf((ushort)i))];

    public static float FromF16(uint bits) => Halves[(ushort)bits];

    public static float FromBF16(uint bits) => BitConverter.UInt32BitsToSingle(bits << 16);

    public static ushort ToF16(double value) => double.IsNaN(value) ? (ushort)0x7fff : BitConverter.HalfToUInt16Bits((Half)value);

    public static ushort ToBF16(double value)
    {
        if (double.IsNaN(value)) return 0x7fff;
        uint bits = BitConverter.SingleToUInt32Bits(ToOddSingle(value));
        return (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    /// <summary>To the neighbour whose last bit is set where the value is no single: a second rounding to fewer bits is then as good as one.</summary>
    public static float ToOddSingle(double value)
    {
        float single = (float)value;
        if (single == value || (BitConverter.SingleToUInt32Bits(single) & 1) != 0) return single;
        if (float.IsInfinity(single)) return double.IsInfinity(value) ? single : MathF.CopySign(float.MaxValue, single);
        return single < value ? MathF.BitIncrement(single) : MathF.BitDecrement(single);
    }

    /// <summary>a·b + c for values whose product is exact in double precision, so that it can be rounded once more.</summary>
    public static double OddSum(double a, double b, double c)
    {
        double product = a * b, sum = product + c;
        double part = sum - product, error = (product - (sum - part)) + (c - part);
        if (error == 0 || !double.IsFinite(sum) || (BitConverter.DoubleToInt64Bits(sum) & 1) != 0) return sum;
        return error > 0 ? Math.BitIncrement(sum) : Math.BitDecrement(sum);
    }

    /// <summary>To single precision toward zero (<c>rz</c>), down (<c>rm</c>), up (<c>rp</c>) or to nearest.</summary>
    public static float ToSingle(double value, string? mode)
    {
        float single = (float)value;
        if (mode is null or "rn" || single == value || double.IsNaN(value)) return single;
        bool up = mode == "rp" || (mode == "rz" && value < 0);
        if (up) return single < value ? MathF.BitIncrement(single) : single;
        return single > value ? MathF.BitDecrement(single) : single;
    }

    /// <summary>The modifier that names a rounding to a float, or null.</summary>
    public static string? Mode(Encoder e) => Array.Find(e.Instruction.Modifiers, m => m is "rn" or "rz" or "rm" or "rp");

    public static float Flush(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    /// <summary>Into 0 … 1; 0 for what is no number.</summary>
    public static float Saturate(float value) => value > 0 ? MathF.Min(value, 1) : 0;
}
