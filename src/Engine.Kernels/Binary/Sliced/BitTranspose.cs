using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Eight bit matrices of 64 × 64 side by side, transposed in place: word i of row j of 64 bytes is row j of matrix i, its columns from the lowest bit.</summary>
public static unsafe class BitTranspose
{
    /// <summary>Rows, and columns.</summary>
    public const int Size = 64;

    /// <summary>Transposes 64 rows of 64 bytes.</summary>
    public delegate void Fn(byte* words);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("bit-transpose",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, Run<Vector512<ulong>, BitLanes512>),
        new("avx2", Avx2.IsSupported, Run<Vector256<ulong>, BitLanes256>),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Run<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Run<ulong, BitLanes64>));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TVector, TLanes>(byte* words) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        for (int lane = 0; lane < BitPlanes.PlaneBytes; lane += TLanes.Bytes)
        {
            // Two steps of halving at once keep four rows in registers.
            Halve<TVector, TLanes>(words + lane, 32, 0xffffffff, 0x0000ffff);
            Halve<TVector, TLanes>(words + lane, 8, 0x00ff00ff, 0x0f0f0f0f);
            Halve<TVector, TLanes>(words + lane, 2, 0x33333333, 0x55555555);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Halve<TVector, TLanes>(byte* words, int size, uint wide, uint narrow) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        int half = size / 2;
        TVector a, b, c, d, first = TLanes.Of(wide), second = TLanes.Of(narrow);
        // Of 32 bits: all of a word's low half.
        if (size == 32) first = TLanes.Right(first, 32);
        for (int i = 0; i < Size; i++)
        {
            if ((i & (size | half)) != 0) continue;
            byte* p = words + i * BitPlanes.PlaneBytes, q = p + half * BitPlanes.PlaneBytes;
            a = TLanes.Load(p);
            b = TLanes.Load(q);
            c = TLanes.Load(p + size * BitPlanes.PlaneBytes);
            d = TLanes.Load(q + size * BitPlanes.PlaneBytes);
            Swap<TVector, TLanes>(ref a, ref c, size, first);
            Swap<TVector, TLanes>(ref b, ref d, size, first);
            Swap<TVector, TLanes>(ref a, ref b, half, second);
            Swap<TVector, TLanes>(ref c, ref d, half, second);
            TLanes.Store(a, p);
            TLanes.Store(b, q);
            TLanes.Store(c, p + size * BitPlanes.PlaneBytes);
            TLanes.Store(d, q + size * BitPlanes.PlaneBytes);
        }
    }

    // The high bits of one row for the low ones of another.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Swap<TVector, TLanes>(ref TVector low, ref TVector high, int count, TVector mask) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        var t = TLanes.And(TLanes.Xor(TLanes.Right(low, count), high), mask);
        high = TLanes.Xor(high, t);
        low = TLanes.Xor(low, TLanes.Left(t, count));
    }
}
