using System.Numerics;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>The elements of a tensor of any numeric type as binary64, for summaries, comparison and conversion.</summary>
public static class Numbers
{
    /// <summary>Every element widened to double; booleans are 0 or 1, a complex number is two elements. 64-bit integers beyond 2⁵³ are rounded.</summary>
    public static double[] ToDoubles(Tensor t) => t.DType switch
    {
        DType.F32 or DType.C64 => Widen<float>(t),
        DType.F64 or DType.C128 => t.Span<double>().ToArray(),
        DType.F16 => Widen<Half>(t),
        DType.BF16 => Map<ushort>(t, v => (double)(float)new BFloat16(v)),
        DType.U8 or DType.Bool => Widen<byte>(t),
        DType.I8 => Widen<sbyte>(t),
        DType.U16 => Widen<ushort>(t),
        DType.I16 => Widen<short>(t),
        DType.U32 => Widen<uint>(t),
        DType.I32 => Widen<int>(t),
        DType.U64 => Widen<ulong>(t),
        DType.I64 => Widen<long>(t),
        DType.U4 => Packed(t, (b, i) => Packed4.Get(b, i)),
        DType.I4 => Packed(t, (b, i) => Packed4.GetSigned(b, i)),
        DType.F4E2M1 => Packed(t, (b, i) => SmallFloat.E2M1.Decode((byte)Packed4.Get(b, i))),
        _ when t.DType.IsSmallFloat() => SmallFloats(t),
        _ => throw new UnsupportedException($"{t.DType.Display()} has no numbers"),
    };

    /// <summary>A tensor of <paramref name="dtype"/>; integers are rounded to nearest even and saturated.</summary>
    public static Tensor FromDoubles(DType dtype, Shape shape, ReadOnlySpan<double> values)
    {
        var t = Tensor.Allocate(dtype, shape);
        switch (dtype)
        {
            case DType.F32: Narrow(values, t.Span<float>(), v => (float)v); break;
            case DType.F64: values.CopyTo(t.Span<double>()); break;
            case DType.F16: Narrow(values, t.Span<Half>(), v => (Half)v); break;
            case DType.BF16: Narrow(values, t.Span<ushort>(), v => ((BFloat16)(float)v).Bits); break;
            case DType.Bool: Narrow(values, t.Bytes, v => (byte)(v != 0 ? 1 : 0)); break;
            case DType.U8: Integers(values, t.Span<byte>()); break;
            case DType.I8: Integers(values, t.Span<sbyte>()); break;
            case DType.U16: Integers(values, t.Span<ushort>()); break;
            case DType.I16: Integers(values, t.Span<short>()); break;
            case DType.U32: Integers(values, t.Span<uint>()); break;
            case DType.I32: Integers(values, t.Span<int>()); break;
            case DType.U64: Integers(values, t.Span<ulong>()); break;
            case DType.I64: Integers(values, t.Span<long>()); break;
            case DType.U4: Pack(values, t.Bytes, v => (int)Math.Clamp(Math.Round(v), 0, 15)); break;
            case DType.I4: Pack(values, t.Bytes, v => (int)Math.Clamp(Math.Round(v), -8, 7)); break;
            case DType.F4E2M1: Pack(values, t.Bytes, v => SmallFloat.E2M1.Encode((float)v)); break;
            case var _ when dtype.IsSmallFloat():
                var codec = SmallFloat.Of(dtype);
                Narrow(values, t.Bytes, v => codec.Encode((float)v));
                break;
            default: throw new UnsupportedException($"{dtype.Display()} cannot be made from real numbers");
        }
        return t;
    }

    private static double[] Widen<T>(Tensor t) where T : unmanaged, INumberBase<T> => Map<T>(t, double.CreateTruncating);

    private static double[] Map<T>(Tensor t, Func<T, double> f) where T : unmanaged
    {
        var s = t.Span<T>();
        var r = new double[s.Length];
        for (int i = 0; i < r.Length; i++) r[i] = f(s[i]);
        return r;
    }

    private static double[] SmallFloats(Tensor t)
    {
        var codec = SmallFloat.Of(t.DType);
        return Map<byte>(t, b => codec.Decode(b));
    }

    private static double[] Packed(Tensor t, Func<byte[], long, double> f)
    {
        var bytes = t.Bytes.ToArray();
        var r = new double[t.Shape.Count];
        for (int i = 0; i < r.Length; i++) r[i] = f(bytes, i);
        return r;
    }

    private static void Integers<T>(ReadOnlySpan<double> values, Span<T> to) where T : unmanaged, INumber<T> => Narrow(values, to, v => T.CreateSaturating(Math.Round(v)));

    private static void Narrow<T>(ReadOnlySpan<double> values, Span<T> to, Func<double, T> f)
    {
        for (int i = 0; i < to.Length; i++) to[i] = f(values[i]);
    }

    private static void Pack(ReadOnlySpan<double> values, Span<byte> to, Func<double, int> f)
    {
        for (int i = 0; i < values.Length; i++) Packed4.Set(to, i, f(values[i]));
    }
}
