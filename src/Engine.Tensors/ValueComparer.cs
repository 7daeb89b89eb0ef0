using System.Globalization;

namespace Engine.Tensors;

/// <summary>Says how two values differ, as the ONNX backend tests count it.</summary>
public static class ValueComparer
{
    /// <summary>
    /// Null when equal, else one line. Types and shapes must be the same; floats may differ by
    /// <paramref name="absolute"/> + <paramref name="relative"/> · |expected|, NaN equals NaN; all else is exact.
    /// </summary>
    public static string? Compare(RuntimeValue expected, RuntimeValue actual, double relative = 1e-3, double absolute = 1e-5)
    {
        switch (expected, actual)
        {
            case (Tensor e, Tensor a):
                return Compare(e, a, relative, absolute);
            case (TensorSequence e, TensorSequence a):
                if (e.Items.Count != a.Items.Count) return $"expected {e.Items.Count} items, got {a.Items.Count}";
                for (int i = 0; i < e.Items.Count; i++)
                    if (Compare(e.Items[i], a.Items[i], relative, absolute) is { } d) return $"item {i}: {d}";
                return null;
            case (AbsentValue, AbsentValue):
                return null;
            default:
                return $"expected {Kind(expected)}, got {Kind(actual)}";
        }
    }

    private static string? Compare(Tensor expected, Tensor actual, double relative, double absolute)
    {
        if (expected.DType != actual.DType || expected.Shape != actual.Shape) return $"expected {expected}, got {actual}";
        if (expected.DType == DType.String)
        {
            for (int i = 0; i < expected.Strings.Length; i++)
                if (expected.Strings[i] != actual.Strings[i]) return $"[{i}]: expected \"{expected.Strings[i]}\", got \"{actual.Strings[i]}\"";
            return null;
        }
        bool exact = !expected.DType.IsFloat() && expected.DType is not (DType.C64 or DType.C128);
        if (exact && !expected.DType.IsPacked()) return Bytes(expected, actual);

        long count = expected.DType is DType.C64 or DType.C128 ? 2 * expected.Shape.Elements : expected.Shape.Elements;
        long differing = 0, first = -1, worst = -1;
        double worstExcess = 0;
        for (long i = 0; i < count; i++)
        {
            double e = Number(expected, i), a = Number(actual, i);
            if (e.Equals(a) || e == a) continue;
            double excess = Math.Abs(e - a) - (exact ? 0 : absolute + relative * Math.Abs(e));
            if (excess <= 0 && !double.IsInfinity(e)) continue;
            if (double.IsNaN(excess)) excess = double.PositiveInfinity;
            differing++;
            if (first < 0) first = i;
            if (excess > worstExcess || worst < 0) (worst, worstExcess) = (i, excess);
        }
        if (differing == 0) return null;
        string At(long i) => string.Create(CultureInfo.InvariantCulture, $"[{i}]: expected {Number(expected, i):G9}, got {Number(actual, i):G9}");
        return $"{differing} of {count} elements of {expected} differ, first {At(first)}" + (worst == first ? "" : $", worst {At(worst)}");
    }

    private static string? Bytes(Tensor expected, Tensor actual)
    {
        int at = expected.Bytes.CommonPrefixLength(actual.Bytes);
        if (at == expected.ByteLength) return null;
        int size = expected.DType.BitWidth() / 8, i = at / size;
        return $"elements of {expected} differ, first [{i}]: expected {Integer(expected, i)}, got {Integer(actual, i)}";
    }

    private static string Integer(Tensor t, int i) => t.DType switch
    {
        DType.U64 => t.Span<ulong>()[i].ToString(CultureInfo.InvariantCulture),
        DType.I64 => t.Span<long>()[i].ToString(CultureInfo.InvariantCulture),
        _ => Number(t, i).ToString(CultureInfo.InvariantCulture),
    };

    private static double Number(Tensor t, long index)
    {
        int i = (int)index;
        return t.DType switch
        {
            DType.F32 or DType.C64 => t.Span<float>()[i],
            DType.F64 or DType.C128 => t.Span<double>()[i],
            DType.F16 => (double)t.Span<Half>()[i],
            DType.BF16 => (float)t.Span<BFloat16>()[i],
            DType.I64 => t.Span<long>()[i],
            DType.U64 => t.Span<ulong>()[i],
            DType.I32 => t.Span<int>()[i],
            DType.U32 => t.Span<uint>()[i],
            DType.I16 => t.Span<short>()[i],
            DType.U16 => t.Span<ushort>()[i],
            DType.I8 => t.Span<sbyte>()[i],
            DType.U8 or DType.Bool => t.Bytes[i],
            DType.I4 => Packed4.GetSigned(t.Bytes, i),
            DType.U4 => Packed4.Get(t.Bytes, i),
            DType.F4E2M1 => SmallFloat.E2M1.Decode((byte)Packed4.Get(t.Bytes, i)),
            _ => SmallFloat.Of(t.DType).Decode(t.Bytes[i]),
        };
    }

    private static string Kind(RuntimeValue v) => v switch
    {
        Tensor t => t.ToString(),
        TensorSequence s => $"a sequence of {s.Items.Count}",
        _ => "no value",
    };
}
