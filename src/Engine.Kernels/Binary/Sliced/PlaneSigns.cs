using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Signs of f32 as bits: 1 where x &lt; 0, so that −0 and NaN are +1.</summary>
public static unsafe class PlaneSigns
{
    /// <summary>Bit i of y is the sign of x[i], <paramref name="words"/> words of 64.</summary>
    public delegate void Fn(float* x, int words, ulong* y);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("plane-signs",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, Run512),
        new("avx2", Avx2.IsSupported, Run256),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Run128),
        new("scalar", true, Scalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run512(float* x, int words, ulong* y)
    {
        for (int i = 0; i < words; i++, x += 64)
            y[i] = Negative512(x) | Negative512(x + 16) << 16 | Negative512(x + 32) << 32 | Negative512(x + 48) << 48;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Negative512(float* x) => Vector512.LessThan(Vector512.Load(x), Vector512<float>.Zero).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run256(float* x, int words, ulong* y)
    {
        for (int i = 0; i < words; i++)
        {
            ulong bits = 0;
            for (int k = 0; k < 64; k += 8, x += 8) bits |= (ulong)Vector256.LessThan(Vector256.Load(x), Vector256<float>.Zero).ExtractMostSignificantBits() << k;
            y[i] = bits;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run128(float* x, int words, ulong* y)
    {
        for (int i = 0; i < words; i++)
        {
            ulong bits = 0;
            for (int k = 0; k < 64; k += 4, x += 4) bits |= (ulong)Vector128.LessThan(Vector128.Load(x), Vector128<float>.Zero).ExtractMostSignificantBits() << k;
            y[i] = bits;
        }
    }

    private static void Scalar(float* x, int words, ulong* y)
    {
        for (int i = 0; i < words; i++)
        {
            ulong bits = 0;
            for (int k = 0; k < 64; k++) bits |= (x[64 * i + k] < 0 ? 1ul : 0) << k;
            y[i] = bits;
        }
    }
}
