using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>As <see cref="RequantizeU8"/> by dyadic numbers: products of 64 bits, shifted and rounded half up, no float anywhere.</summary>
public static unsafe class RequantizeDyadic
{
    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<RequantizeU8.Fn> Table { get; } = new("requantize-dyadic-u8",
        new("avx512", Avx512BW.IsSupported, RunAvx512),
        new("scalar", true, RunScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride)
    {
        var (low, high, zero) = (Vector512.Create((long)r.Min - r.Zero), Vector512.Create((long)r.Max - r.Zero), Vector512.Create(r.Zero));
        for (int c = 0; c < channels; c += 16)
        {
            // Even and odd channels are products of their own.
            Vector512<int> even = Vector512.Load(r.Multiplier + c), odd = (even.AsUInt64() >> 32).AsInt32();
            var shifts = Vector512.Load((uint*)r.Shift + c).AsUInt64();
            Vector512<ulong> evenShift = shifts & Vector512.Create(0xffffffffUL), oddShift = shifts >> 32;
            Vector512<long> evenHalf = Avx512F.ShiftLeftLogicalVariable(Vector512<long>.One, evenShift - Vector512<ulong>.One), oddHalf = Avx512F.ShiftLeftLogicalVariable(Vector512<long>.One, oddShift - Vector512<ulong>.One);
            int* from = sums + c;
            byte* to = y + c;
            for (int i = 0; i < pixels; i++, from += sumStride, to += yStride)
            {
                var v = Vector512.Load(from);
                var e = Avx512F.ShiftRightArithmeticVariable(Avx512F.Multiply(v, even) + evenHalf, evenShift);
                var o = Avx512F.ShiftRightArithmeticVariable(Avx512F.Multiply((v.AsUInt64() >> 32).AsInt32(), odd) + oddHalf, oddShift);
                e = Avx512F.Min(Avx512F.Max(e, low), high);
                o = Avx512F.Min(Avx512F.Max(o, low), high);
                var codes = Avx512F.ConvertToVector128Byte((e & Vector512.Create(0xffffffffL) | o << 32).AsInt32() + zero);
                if (c + 16 <= channels) codes.Store(to);
                else
                    for (int j = 0; j < channels - c; j++) to[j] = codes.GetElement(j);
            }
        }
    }

    private static void RunScalar(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride)
    {
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < channels; c++)
            {
                long q = ((long)sums[i * sumStride + c] * r.Multiplier[c] + (1L << (r.Shift[c] - 1))) >> r.Shift[c];
                y[i * yStride + c] = (byte)(Math.Clamp(q, r.Min - r.Zero, r.Max - r.Zero) + r.Zero);
            }
    }
}
