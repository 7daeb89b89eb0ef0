using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>One-element tensors of any numeric type read as a number, and numbers written as an element of any type.</summary>
public static class ScalarValue
{
    /// <summary>The only element as an integer; a fraction is cut off.</summary>
    public static long ToLong(Tensor t, string what)
    {
        RequireOne(t, what);
        if (!t.DType.IsFloat()) return t.DType == DType.U64 && t.Span<ulong>()[0] > long.MaxValue ? throw new OperatorException($"{what} {t.Span<ulong>()[0]} is too large") : t.ToLongs()[0];
        double d = ToDouble(t, what);
        if (!(Math.Abs(d) < 9.2e18)) throw new OperatorException($"{what} {d} is no 64-bit integer");
        return (long)d;
    }

    /// <summary>The only element as a double.</summary>
    public static double ToDouble(Tensor t, string what)
    {
        RequireOne(t, what);
        return t.DType switch
        {
            DType.F32 => t.Span<float>()[0],
            DType.F64 => t.Span<double>()[0],
            DType.F16 => (double)t.Span<Half>()[0],
            DType.BF16 => (float)t.Span<BFloat16>()[0],
            DType.U64 => t.Span<ulong>()[0],
            _ => t.ToLongs()[0],
        };
    }

    /// <summary>Bytes of one element of <paramref name="type"/>, zero-extended to 16: the nearest value to <paramref name="value"/>. A packed type gives its code in the first byte.</summary>
    public static byte[] Encode(DType type, double value)
    {
        var b = new byte[16];
        switch (type)
        {
            case DType.F32 or DType.C64: BinaryPrimitives.WriteSingleLittleEndian(b, (float)value); break;
            case DType.F64 or DType.C128: BinaryPrimitives.WriteDoubleLittleEndian(b, value); break;
            case DType.F16: BinaryPrimitives.WriteHalfLittleEndian(b, (Half)value); break;
            case DType.BF16: BinaryPrimitives.WriteUInt16LittleEndian(b, ((BFloat16)(float)value).Bits); break;
            case DType.Bool: b[0] = value != 0 ? (byte)1 : (byte)0; break;
            case DType.U64: BinaryPrimitives.WriteUInt64LittleEndian(b, (ulong)value); break;
            case var f when f.IsSmallFloat(): b[0] = SmallFloat.Of(f).Encode((float)value, true); break;
            case var i when i.IsInteger(): BinaryPrimitives.WriteInt64LittleEndian(b, (long)value); break;
            default: throw new UnsupportedException($"element type {type.Display()} holds no numbers");
        }
        if (type.IsPacked()) b[0] &= 15;
        return b;
    }

    /// <summary>A tensor of <paramref name="shape"/> whose elements are all the nearest value to <paramref name="value"/>; packed types excluded.</summary>
    public static Tensor Fill(DType type, Shape shape, double value)
    {
        var t = Tensor.Allocate(type, shape);
        var one = Encode(type, value).AsSpan(0, Checked.Int(type.ByteCount(1)));
        for (var rest = t.Bytes; rest.Length > 0; rest = rest[one.Length..]) one.CopyTo(rest);
        return t;
    }

    private static void RequireOne(Tensor t, string what)
    {
        if (t.Shape.Elements != 1) throw new OperatorException($"{what} has shape {t.Shape}, expected one element");
    }
}
