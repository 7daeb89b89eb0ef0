using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Bits of values side by side: 1 where x &lt; threshold, or x &gt; threshold; NaN gives 0, and so do bits behind the last value.</summary>
public static unsafe class SignBits
{
    private const int WordBits = 64;

    /// <summary>Writes the ⌈<paramref name="count"/> / 64⌉ words of values.</summary>
    public delegate void Fn(float* x, int count, float threshold, bool above, ulong* bits);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("sign-bits",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, RunAvx512),
        new("avx2", Avx2.IsSupported, RunAvx2),
        new("advsimd", AdvSimd.IsSupported, RunAdvSimd),
        new("scalar", true, Scalar));

    private static void Scalar(float* x, int count, float threshold, bool above, ulong* bits)
    {
        for (int i = 0; i < count; i += WordBits, x += WordBits) *bits++ = Tail(x, Math.Min(WordBits, count - i), threshold, above);
    }

    private static ulong Tail(float* x, int count, float threshold, bool above)
    {
        ulong word = 0;
        for (int k = 0; k < count; k++)
            if (above ? x[k] > threshold : x[k] < threshold) word |= 1ul << k;
        return word;
    }

    // Less than a word, by four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Rest(float* x, int count, float threshold, bool above)
    {
        float limit = threshold;
        Vector128<float> flip = Vector128.Create(Flip(ref limit, above)).AsSingle(), t = Vector128.Create(limit);
        ulong word = 0;
        int k = 0;
        for (; k <= count - Vector128<float>.Count; k += Vector128<float>.Count) word |= (ulong)Vector128.LessThan(Vector128.Load(x + k) ^ flip, t).ExtractMostSignificantBits() << k;
        return k == count ? word : word | Tail(x + k, count - k, threshold, above) << k;
    }

    // Above the threshold is below it with all signs changed.
    private static int Flip(ref float threshold, bool above)
    {
        if (above) threshold = -threshold;
        return above ? int.MinValue : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(float* x, int count, float threshold, bool above, ulong* bits)
    {
        float limit = threshold;
        var flip = Vector512.Create(Flip(ref limit, above)).AsSingle();
        var t = Vector512.Create(limit);
        int i = 0;
        for (; i <= count - WordBits; i += WordBits, x += WordBits)
            *bits++ = Vector512.LessThan(Vector512.Load(x) ^ flip, t).ExtractMostSignificantBits() | Vector512.LessThan(Vector512.Load(x + 16) ^ flip, t).ExtractMostSignificantBits() << 16
                | Vector512.LessThan(Vector512.Load(x + 32) ^ flip, t).ExtractMostSignificantBits() << 32 | Vector512.LessThan(Vector512.Load(x + 48) ^ flip, t).ExtractMostSignificantBits() << 48;
        if (i < count) *bits = Rest(x, count - i, threshold, above);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx2(float* x, int count, float threshold, bool above, ulong* bits)
    {
        float limit = threshold;
        var flip = Vector256.Create(Flip(ref limit, above)).AsSingle();
        var t = Vector256.Create(limit);
        int i = 0;
        for (; i <= count - WordBits; i += WordBits, x += WordBits)
        {
            ulong word = 0;
            for (int k = 0; k < WordBits; k += 8) word |= (ulong)Vector256.LessThan(Vector256.Load(x + k) ^ flip, t).ExtractMostSignificantBits() << k;
            *bits++ = word;
        }
        if (i < count) *bits = Rest(x, count - i, threshold, above);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAdvSimd(float* x, int count, float threshold, bool above, ulong* bits)
    {
        float limit = threshold;
        var flip = Vector128.Create(Flip(ref limit, above)).AsSingle();
        var t = Vector128.Create(limit);
        int i = 0;
        for (; i <= count - WordBits; i += WordBits, x += WordBits)
        {
            ulong word = 0;
            for (int k = 0; k < WordBits; k += 4) word |= (ulong)Vector128.LessThan(Vector128.Load(x + k) ^ flip, t).ExtractMostSignificantBits() << k;
            *bits++ = word;
        }
        if (i < count) *bits = Rest(x, count - i, threshold, above);
    }
}
