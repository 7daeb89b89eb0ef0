using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Sum of two rows of u8 codes of different grids, each step in binary32 as dequantize, add and quantize would give:
/// y = clamp(round(((a − zeroA) · scaleA + (b − zeroB) · scaleB) / scale) + zero, min, max).
/// </summary>
public static unsafe class AddU8
{
    /// <summary>The grids of the operands and of the sum; codes of i8 grids are taken as u8 ones, 128 more.</summary>
    public readonly record struct Grids(float ScaleA, int ZeroA, float ScaleB, int ZeroB, float Scale, int Zero, int Min, int Max)
    {
        /// <summary>The quotient by way of the reciprocal, rounded correctly by its remainder, holds while neither overflows.</summary>
        internal bool Divides => Scale is > 1e-15f and < 1e15f && ScaleA is > 1e-15f and < 1e15f && ScaleB is > 1e-15f and < 1e15f;
    }

    /// <summary>y may be a or b.</summary>
    public delegate void Fn(byte* a, byte* b, byte* y, int count, in Grids g);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("add-u8",
        new("avx512", Avx512BW.IsSupported, RunAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, RunAvx2),
        new("scalar", true, RunScalar));

    /// <summary>Whole tensors.</summary>
    public static void Run(Workers workers, byte* a, byte* b, byte* y, long count, in Grids g) => workers.For(Tensors.Checked.Int((count + Body.Chunk - 1) / Body.Chunk), 16, new Body(a, b, y, count, g));

    private readonly struct Body(byte* a, byte* b, byte* y, long count, Grids g) : IParallelBody
    {
        public const int Chunk = 4096;

        public void Run(int start, int end)
        {
            long from = (long)start * Chunk, to = Math.Min(count, (long)end * Chunk);
            for (long at = from; at < to; at += 1 << 30) Table.Best(a + at, b + at, y + at, (int)Math.Min(1 << 30, to - at), g);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(byte* a, byte* b, byte* y, int count, in Grids g)
    {
        int i = 0;
        if (g.Divides)
        {
            Vector512<int> za = Vector512.Create(g.ZeroA), zb = Vector512.Create(g.ZeroB), zero = Vector512.Create(g.Zero);
            Vector512<float> sa = Vector512.Create(g.ScaleA), sb = Vector512.Create(g.ScaleB), s = Vector512.Create(g.Scale), inverse = Vector512.Create(1 / g.Scale);
            Vector512<float> low = Vector512.Create((float)(g.Min - g.Zero)), high = Vector512.Create((float)(g.Max - g.Zero));
            for (; i <= count - 32; i += 32)
            {
                var first = Sum(a + i, b + i, za, zb, sa, sb, s, inverse, low, high, zero);
                var second = Sum(a + i + 16, b + i + 16, za, zb, sa, sb, s, inverse, low, high, zero);
                first.Store(y + i);
                second.Store(y + i + 16);
            }
            for (; i <= count - 16; i += 16) Sum(a + i, b + i, za, zb, sa, sb, s, inverse, low, high, zero).Store(y + i);
        }
        RunScalar(a + i, b + i, y + i, count - i, g);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Sum(byte* a, byte* b, Vector512<int> za, Vector512<int> zb, Vector512<float> sa, Vector512<float> sb, Vector512<float> s, Vector512<float> inverse, Vector512<float> low, Vector512<float> high, Vector512<int> zero)
    {
        var x = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(a)) - za) * sa + Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(b)) - zb) * sb;
        var q = x * inverse;
        q = Avx512F.FusedMultiplyAdd(Avx512F.FusedMultiplyAddNegated(q, s, x), inverse, q);
        return Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32(Avx512F.Min(Avx512F.Max(q, low), high)) + zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx2(byte* a, byte* b, byte* y, int count, in Grids g)
    {
        int i = 0;
        if (g.Divides)
        {
            Vector256<int> za = Vector256.Create(g.ZeroA), zb = Vector256.Create(g.ZeroB), zero = Vector256.Create(g.Zero);
            Vector256<float> sa = Vector256.Create(g.ScaleA), sb = Vector256.Create(g.ScaleB), s = Vector256.Create(g.Scale), inverse = Vector256.Create(1 / g.Scale);
            Vector256<float> low = Vector256.Create((float)(g.Min - g.Zero)), high = Vector256.Create((float)(g.Max - g.Zero));
            for (; i <= count - 16; i += 16)
            {
                var first = Sum8(a + i, b + i, za, zb, sa, sb, s, inverse, low, high, zero);
                var second = Sum8(a + i + 8, b + i + 8, za, zb, sa, sb, s, inverse, low, high, zero);
                var words = Avx2.Permute4x64(Avx2.PackSignedSaturate(first, second).AsInt64(), 0b11_01_10_00).AsInt16();
                Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper()).Store(y + i);
            }
        }
        RunScalar(a + i, b + i, y + i, count - i, g);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Sum8(byte* a, byte* b, Vector256<int> za, Vector256<int> zb, Vector256<float> sa, Vector256<float> sb, Vector256<float> s, Vector256<float> inverse, Vector256<float> low, Vector256<float> high, Vector256<int> zero)
    {
        var x = Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(a) - za) * sa + Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(b) - zb) * sb;
        var q = x * inverse;
        q = Fma.MultiplyAdd(Fma.MultiplyAddNegated(q, s, x), inverse, q);
        return Avx.ConvertToVector256Int32(Avx.Min(Avx.Max(q, low), high)) + zero;
    }

    private static void RunScalar(byte* a, byte* b, byte* y, int count, in Grids g)
    {
        for (int i = 0; i < count; i++)
        {
            float left = (a[i] - g.ZeroA) * g.ScaleA, right = (b[i] - g.ZeroB) * g.ScaleB;
            float f = MathF.Round((left + right) / g.Scale, MidpointRounding.ToEven) + g.Zero;
            y[i] = (byte)(f >= g.Max ? g.Max : f >= g.Min ? (int)f : g.Min);
        }
    }
}
