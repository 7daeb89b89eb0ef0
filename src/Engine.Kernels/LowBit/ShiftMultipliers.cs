using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Codes of exponents as multipliers: m = −(2^15 >> q), which is 0 from q = 16 on. The sign makes 2^15 fit 16 bits, so that sums of shifted values are sums of
/// products, of which vpmaddwd makes 32 at once where a shift and an addition make 16.
/// </summary>
public static unsafe class ShiftMultipliers
{
    /// <summary>Bits that 1 is shifted left by.</summary>
    public const int One = 15;

    /// <summary>Multipliers of <paramref name="count"/> codes.</summary>
    public delegate void Fn(byte* q, short* m, int count);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("shift-multipliers",
        new("avx512", Avx512BW.IsSupported, OfAvx512),
        new("avx2", Avx2.IsSupported, OfAvx2),
        new("scalar", true, Scalar));

    private static void Scalar(byte* q, short* m, int count)
    {
        for (int i = 0; i < count; i++) m[i] = (short)-(q[i] > One ? 0 : 1 << (One - q[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfAvx512(byte* q, short* m, int count)
    {
        int i = 0;
        var one = Vector512.Create((ushort)(1 << One));
        for (; i <= count - 32; i += 32)
            (Vector512<short>.Zero - Avx512BW.ShiftRightLogicalVariable(one, Avx512BW.ConvertToVector512UInt16(Vector256.Load(q + i))).AsInt16()).Store(m + i);
        Scalar(q + i, m + i, count - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OfAvx2(byte* q, short* m, int count)
    {
        int i = 0;
        var one = Vector256.Create(1 << One);
        for (; i <= count - 16; i += 16)
        {
            var low = Avx2.ShiftRightLogicalVariable(one, Avx2.ConvertToVector256Int32(q + i).AsUInt32());
            var high = Avx2.ShiftRightLogicalVariable(one, Avx2.ConvertToVector256Int32(q + i + 8).AsUInt32());
            Avx2.Permute4x64(Avx2.PackSignedSaturate(-low, -high).AsInt64(), 0b11_01_10_00).AsInt16().Store(m + i);
        }
        Scalar(q + i, m + i, count - i);
    }
}
