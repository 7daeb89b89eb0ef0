using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Elements as unsigned integers in the same order, so that sorting and comparing need not know the element type.</summary>
internal static class SortKeys
{
    /// <summary>Keys of all elements: −0 equals 0, NaN equals NaN and comes last, strings are in ordinal order.</summary>
    public static ulong[] Of(Tensor x)
    {
        var keys = new ulong[x.Shape.Count];
        switch (x.DType)
        {
            case DType.String: OfStrings(x.Strings, keys); break;
            case DType.F32: for (int i = 0; i < keys.Length; i++) keys[i] = OfDouble(x.Span<float>()[i]); break;
            case DType.F64: for (int i = 0; i < keys.Length; i++) keys[i] = OfDouble(x.Span<double>()[i]); break;
            case DType.F16: for (int i = 0; i < keys.Length; i++) keys[i] = OfDouble((double)x.Span<Half>()[i]); break;
            case DType.BF16: for (int i = 0; i < keys.Length; i++) keys[i] = OfDouble((float)x.Span<BFloat16>()[i]); break;
            case DType.U64: x.Span<ulong>().CopyTo(keys); break;
            case var t when t.IsInteger() && !t.IsPacked() || t == DType.Bool:
                var longs = x.ToLongs();
                for (int i = 0; i < keys.Length; i++) keys[i] = (ulong)longs[i] ^ 1UL << 63;
                break;
            default: throw new UnsupportedException($"elements of {x.DType.Display()} are not ordered");
        }
        return keys;
    }

    private static ulong OfDouble(double v)
    {
        if (double.IsNaN(v)) return ulong.MaxValue;
        long bits = BitConverter.DoubleToInt64Bits(v == 0 ? 0 : v);
        return (ulong)(bits < 0 ? ~bits : bits | long.MinValue);
    }

    private static void OfStrings(string[] strings, ulong[] keys)
    {
        var order = new int[strings.Length];
        for (int i = 0; i < order.Length; i++) order[i] = i;
        Array.Sort(order, (a, b) => string.CompareOrdinal(strings[a], strings[b]));
        ulong rank = 0;
        for (int i = 0; i < order.Length; i++)
        {
            if (i > 0 && !strings[order[i]].Equals(strings[order[i - 1]], StringComparison.Ordinal)) rank++;
            keys[order[i]] = rank;
        }
    }
}
