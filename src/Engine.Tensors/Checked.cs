namespace Engine.Tensors;

/// <summary>64-bit size arithmetic that throws <see cref="SizeOverflowException"/> where it would wrap.</summary>
public static class Checked
{
    /// <summary>a · b for non-negative operands.</summary>
    public static long Mul(long a, long b)
    {
        long high = Math.BigMul(a, b, out long low);
        if (a < 0 || b < 0 || high != 0 || low < 0) throw new SizeOverflowException($"size {a} × {b} does not fit in 63 bits");
        return low;
    }

    /// <summary>a + b for non-negative operands.</summary>
    public static long Add(long a, long b)
    {
        long s = unchecked(a + b);
        if (a < 0 || b < 0 || s < 0) throw new SizeOverflowException($"size {a} + {b} does not fit in 63 bits");
        return s;
    }

    /// <summary>⌈a / b⌉ for a ≥ 0, b > 0.</summary>
    public static long CeilDiv(long a, long b) => a / b + (a % b != 0 ? 1 : 0);

    /// <summary>The smallest multiple of <paramref name="alignment"/> that is at least <paramref name="a"/>.</summary>
    public static long AlignUp(long a, long alignment) => Mul(CeilDiv(a, alignment), alignment);

    /// <summary>The value as an array length or span index.</summary>
    public static int Int(long a)
    {
        if (a is < 0 or > int.MaxValue) throw new SizeOverflowException($"size {a} exceeds the limit of {int.MaxValue} elements a tensor");
        return (int)a;
    }
}
