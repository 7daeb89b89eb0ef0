using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Converts between numeric element types, packed and small ones included, by way of binary64 (floats) or 64-bit integers.
/// Floats to integers truncate; out of range they wrap in types narrower than 32 bits as C compilers have them wrap, saturate in wider
/// ones; NaN gives 0. Floats to 4-bit integers round and saturate. Anything but zero is true.
/// </summary>
public static class CastLoop
{
    // Elements a chunk: even, so that no two threads share a byte of packed elements, and small enough for the stack.
    private const int Chunk = 512;

    /// <summary>Converts <paramref name="count"/> elements; y may be x when the types are equally wide.</summary>
    public static unsafe void Run(Workers workers, DType from, ReadOnlySpan<byte> x, DType to, bool saturate, Span<byte> y, int count)
    {
        if (count == 0) return;
        if (from == to)
        {
            x.CopyTo(y);
            return;
        }
        fixed (byte* px = x, py = y) workers.For((count + Chunk - 1) / Chunk, UnaryLoop.Grain / Chunk, new Body(from, px, to, py, saturate, count));
    }

    private readonly unsafe struct Body(DType from, byte* x, DType to, byte* y, bool saturate, int count) : IParallelBody
    {
        public void Run(int start, int end)
        {
            bool wide = from.IsFloat() || from == DType.U64 && to.IsFloat();
            Span<double> doubles = stackalloc double[wide ? Chunk : 0];
            Span<long> longs = stackalloc long[wide ? 0 : Chunk];
            for (int c = start; c < end; c++)
            {
                int at = c * Chunk, n = Math.Min(Chunk, count - at);
                var source = new ReadOnlySpan<byte>(x + (long)at * from.BitWidth() / 8, (int)from.ByteCount(n));
                var target = new Span<byte>(y + (long)at * to.BitWidth() / 8, (int)to.ByteCount(n));
                if (wide)
                {
                    Read(from, source, doubles[..n]);
                    Write(doubles[..n], to, saturate, target);
                }
                else
                {
                    Read(from, source, longs[..n]);
                    Write(longs[..n], to, saturate, target);
                }
            }
        }
    }

    private static void Read(DType type, ReadOnlySpan<byte> x, Span<double> y)
    {
        switch (type)
        {
            case DType.F32: Widen<float>(x, y); break;
            case DType.F64: Widen<double>(x, y); break;
            case DType.U64: Widen<ulong>(x, y); break;
            default:
                Span<float> f = stackalloc float[y.Length];
                FloatConvert.Widen(type, x, f);
                for (int i = 0; i < y.Length; i++) y[i] = f[i];
                break;
        }
    }

    private static void Read(DType type, ReadOnlySpan<byte> x, Span<long> y)
    {
        switch (type)
        {
            case DType.I8: Extend<sbyte>(x, y); break;
            case DType.U8: Extend<byte>(x, y); break;
            case DType.I16: Extend<short>(x, y); break;
            case DType.U16: Extend<ushort>(x, y); break;
            case DType.I32: Extend<int>(x, y); break;
            case DType.U32: Extend<uint>(x, y); break;
            case DType.I64: Extend<long>(x, y); break;
            case DType.U64: Extend<ulong>(x, y); break;
            case DType.Bool: for (int i = 0; i < y.Length; i++) y[i] = x[i] != 0 ? 1 : 0; break;
            case DType.U4: for (int i = 0; i < y.Length; i++) y[i] = Packed4.Get(x, i); break;
            case DType.I4: for (int i = 0; i < y.Length; i++) y[i] = Packed4.GetSigned(x, i); break;
            default: throw NoCast(type);
        }
    }

    private static void Write(ReadOnlySpan<double> x, DType type, bool saturate, Span<byte> y)
    {
        switch (type)
        {
            case DType.F64: MemoryMarshal.AsBytes(x).CopyTo(y); break;
            case DType.F16: Round<Half>(x, y); break;
            case DType.I64: Round<long>(x, y); break;
            case DType.U64: Round<ulong>(x, y); break;
            case DType.I32: Round<int>(x, y); break;
            case DType.U32: Round<uint>(x, y); break;
            case DType.F32: Round<float>(x, y); break;
            case DType.Bool: for (int i = 0; i < x.Length; i++) y[i] = x[i] != 0 ? (byte)1 : (byte)0; break;
            case DType.U4 or DType.I4:
                var (low, high) = type == DType.U4 ? (0, 15) : (-8, 7);
                for (int i = 0; i < x.Length; i++) Packed4.Set(y, i, double.IsNaN(x[i]) ? 0 : (int)Math.Clamp(Math.Round(x[i]), low, high));
                break;
            case DType.BF16 or DType.F8E4M3FN or DType.F8E4M3FNUZ or DType.F8E5M2 or DType.F8E5M2FNUZ or DType.F4E2M1:
                Span<float> f = stackalloc float[x.Length];
                for (int i = 0; i < f.Length; i++) f[i] = (float)x[i];
                FloatConvert.Narrow(type, f, y, saturate);
                break;
            default:
                Span<long> l = stackalloc long[x.Length];
                for (int i = 0; i < l.Length; i++) l[i] = (long)x[i];
                Write(l, type, saturate, y);
                break;
        }
    }

    private static void Write(ReadOnlySpan<long> x, DType type, bool saturate, Span<byte> y)
    {
        switch (type)
        {
            case DType.I8 or DType.U8: Wrap<byte>(x, y); break;
            case DType.I16 or DType.U16: Wrap<ushort>(x, y); break;
            case DType.I32 or DType.U32: Wrap<uint>(x, y); break;
            case DType.I64 or DType.U64: MemoryMarshal.AsBytes(x).CopyTo(y); break;
            case DType.F32: Wrap<float>(x, y); break;
            case DType.F64: Wrap<double>(x, y); break;
            case DType.Bool: for (int i = 0; i < x.Length; i++) y[i] = x[i] != 0 ? (byte)1 : (byte)0; break;
            case DType.U4 or DType.I4: for (int i = 0; i < x.Length; i++) Packed4.Set(y, i, (int)x[i]); break;
            case var t when t.IsFloat():
                Span<double> d = stackalloc double[x.Length];
                for (int i = 0; i < d.Length; i++) d[i] = x[i];
                Write(d, type, saturate, y);
                break;
            default: throw NoCast(type);
        }
    }

    private static void Widen<T>(ReadOnlySpan<byte> x, Span<double> y) where T : unmanaged
    {
        var s = MemoryMarshal.Cast<byte, T>(x)[..y.Length];
        for (int i = 0; i < s.Length; i++) y[i] = ToDouble(s[i]);
    }

    private static void Extend<T>(ReadOnlySpan<byte> x, Span<long> y) where T : unmanaged
    {
        var s = MemoryMarshal.Cast<byte, T>(x)[..y.Length];
        for (int i = 0; i < s.Length; i++) y[i] = ToLong(s[i]);
    }

    private static void Round<T>(ReadOnlySpan<double> x, Span<byte> y) where T : unmanaged
    {
        var t = MemoryMarshal.Cast<byte, T>(y)[..x.Length];
        for (int i = 0; i < t.Length; i++) t[i] = FromDouble<T>(x[i]);
    }

    private static void Wrap<T>(ReadOnlySpan<long> x, Span<byte> y) where T : unmanaged
    {
        var t = MemoryMarshal.Cast<byte, T>(y)[..x.Length];
        for (int i = 0; i < t.Length; i++) t[i] = FromLong<T>(x[i]);
    }

    // The conversions of the language, chosen by type: the generic ones of INumber do not inline. From floats they saturate.
    private static double ToDouble<T>(T v) =>
        typeof(T) == typeof(float) ? (float)(object)v!
        : typeof(T) == typeof(double) ? (double)(object)v!
        : typeof(T) == typeof(ulong) ? (ulong)(object)v!
        : throw new NotSupportedException(typeof(T).Name);

    private static long ToLong<T>(T v) =>
        typeof(T) == typeof(sbyte) ? (sbyte)(object)v!
        : typeof(T) == typeof(byte) ? (byte)(object)v!
        : typeof(T) == typeof(short) ? (short)(object)v!
        : typeof(T) == typeof(ushort) ? (ushort)(object)v!
        : typeof(T) == typeof(int) ? (int)(object)v!
        : typeof(T) == typeof(uint) ? (uint)(object)v!
        : typeof(T) == typeof(long) ? (long)(object)v!
        : typeof(T) == typeof(ulong) ? unchecked((long)(ulong)(object)v!)
        : throw new NotSupportedException(typeof(T).Name);

    private static T FromDouble<T>(double v) =>
        typeof(T) == typeof(float) ? (T)(object)(float)v
        : typeof(T) == typeof(Half) ? (T)(object)(Half)v
        : typeof(T) == typeof(int) ? (T)(object)(int)v
        : typeof(T) == typeof(uint) ? (T)(object)(uint)v
        : typeof(T) == typeof(long) ? (T)(object)(long)v
        : typeof(T) == typeof(ulong) ? (T)(object)(ulong)v
        : throw new NotSupportedException(typeof(T).Name);

    private static T FromLong<T>(long v) =>
        typeof(T) == typeof(byte) ? (T)(object)unchecked((byte)v)
        : typeof(T) == typeof(ushort) ? (T)(object)unchecked((ushort)v)
        : typeof(T) == typeof(uint) ? (T)(object)unchecked((uint)v)
        : typeof(T) == typeof(float) ? (T)(object)(float)v
        : typeof(T) == typeof(double) ? (T)(object)(double)v
        : throw new NotSupportedException(typeof(T).Name);

    private static UnsupportedException NoCast(DType t) => new($"no conversion of element type {t.Display()}");
}
