using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Bit-sliced numbers of two's complement as integers.</summary>
public static unsafe class PlaneSums
{
    /// <summary>Most bits.</summary>
    public const int MostBits = 16;

    private const int Pixels = BitPlanes.BlockPixels, Plane = BitPlanes.PlaneBytes;

    /// <summary>y[p] = the number whose bits are those of pixel p, p below 512, in <paramref name="bits"/> planes from the lowest, up to <see cref="MostBits"/>.</summary>
    public delegate void Fn(byte* planes, int bits, int* y);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("plane-sums",
        new("avx512", Avx512BW.IsSupported && Vector512.IsHardwareAccelerated, Run<Vector512<ulong>, BitLanes512>),
        new("avx2", Avx2.IsSupported, Run<Vector256<ulong>, BitLanes256>),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Run<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Scalar));

    private static void Scalar(byte* planes, int bits, int* y)
    {
        for (int p = 0; p < Pixels; p++)
        {
            int v = 0;
            for (int i = 0; i < bits; i++) v |= (planes[i * Plane + p / 8] >> (p % 8) & 1) << i;
            y[p] = v << (32 - bits) >> (32 - bits);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TVector, TLanes>(byte* planes, int bits, int* y) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        byte* rows = stackalloc byte[MostBits * Plane];
        short* turned = stackalloc short[Pixels];
        // As matrices of 16 × 16 bits side by side: number p is then column p / 16 of row p mod 16.
        for (int lane = 0; lane < Plane; lane += TLanes.Bytes)
        {
            Halve<TVector, TLanes>(planes + lane, bits, rows + lane, 8, 0x00ff00ff, 0x0f0f0f0f);
            Halve<TVector, TLanes>(rows + lane, MostBits, rows + lane, 2, 0x33333333, 0x55555555);
        }
        for (int j = 0; j < MostBits; j++)
            for (int q = 0; q < Pixels / MostBits; q++) turned[q * MostBits + j] = ((short*)(rows + j * Plane))[q];
        for (int p = 0; p < Pixels; p++) y[p] = turned[p];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Halve<TVector, TLanes>(byte* x, int rows, byte* y, int size, uint wide, uint narrow) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        int half = size / 2;
        TVector first = TLanes.Of(wide), second = TLanes.Of(narrow);
        for (int i = 0; i < MostBits; i++)
        {
            if ((i & (size | half)) != 0) continue;
            // Above the highest is the sign.
            TVector a = TLanes.Load(x + Math.Min(i, rows - 1) * Plane), b = TLanes.Load(x + Math.Min(i + half, rows - 1) * Plane);
            TVector c = TLanes.Load(x + Math.Min(i + size, rows - 1) * Plane), d = TLanes.Load(x + Math.Min(i + size + half, rows - 1) * Plane);
            BitTranspose.Swap<TVector, TLanes>(ref a, ref c, size, first);
            BitTranspose.Swap<TVector, TLanes>(ref b, ref d, size, first);
            BitTranspose.Swap<TVector, TLanes>(ref a, ref b, half, second);
            BitTranspose.Swap<TVector, TLanes>(ref c, ref d, half, second);
            TLanes.Store(a, y + i * Plane);
            TLanes.Store(b, y + (i + half) * Plane);
            TLanes.Store(c, y + (i + size) * Plane);
            TLanes.Store(d, y + (i + size + half) * Plane);
        }
    }
}
