using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>What every tap of a window reads, as planes of their own: a block of a channel's plane shifted by so many pixels, zero where the tap lies in the padding.</summary>
public static unsafe class PlaneTaps
{
    /// <summary>
    /// y[c, t] = x[c] from bit <paramref name="shifts"/>[t] on, and <paramref name="masks"/>[t]. <paramref name="x"/> is bit 0 of channel 0, channels <paramref name="step"/> bytes apart;
    /// a tap reads 72 bytes from the word of its first bit.
    /// </summary>
    public delegate void Fn(byte* x, nint step, int channels, long* shifts, int taps, byte* masks, byte* y);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("plane-taps",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, Run<Vector512<ulong>, BitLanes512>),
        new("avx2", Avx2.IsSupported, Run<Vector256<ulong>, BitLanes256>),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Run<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Run<ulong, BitLanes64>));

    /// <summary>Bytes that a block reads, counted from its first tap's word.</summary>
    internal const int Reach = BitPlanes.PlaneBytes + sizeof(ulong);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TVector, TLanes>(byte* x, nint step, int channels, long* shifts, int taps, byte* masks, byte* y) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        for (int t = 0; t < taps; t++)
        {
            byte* from = x + (shifts[t] >> 6) * sizeof(ulong), to = y + t * BitPlanes.PlaneBytes, mask = masks + t * BitPlanes.PlaneBytes;
            int right = (int)(shifts[t] & 63);
            bool three = t < taps - 2 && right is > 0 and < 62 && shifts[t + 1] == shifts[t] + 1 && shifts[t + 2] == shifts[t] + 2;
            for (int lane = 0; lane < BitPlanes.PlaneBytes; lane += TLanes.Bytes)
                if (three) Three<TVector, TLanes>(from + lane, step, channels, right, mask + lane, to + lane, (nint)taps * BitPlanes.PlaneBytes);
                else One<TVector, TLanes>(from + lane, step, channels, right, mask + lane, to + lane, (nint)taps * BitPlanes.PlaneBytes);
            if (three) t += 2;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<TVector, TLanes>(byte* x, nint step, int channels, int right, byte* mask, byte* y, nint stepY) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        TVector m = TLanes.Load(mask);
        if (right == 0)
            for (; channels > 0; channels--, x += step, y += stepY) TLanes.Store(TLanes.And(TLanes.Load(x), m), y);
        else
            for (; channels > 0; channels--, x += step, y += stepY) TLanes.Store(TLanes.And(TLanes.Xor(TLanes.Right(TLanes.Load(x), right), TLanes.Left(TLanes.Load(x + sizeof(ulong)), 64 - right)), m), y);
    }

    // Neighbours in a row of the window are parts of the same words.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Three<TVector, TLanes>(byte* x, nint step, int channels, int right, byte* mask, byte* y, nint stepY) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        const int Plane = BitPlanes.PlaneBytes;
        TVector m0 = TLanes.Load(mask), m1 = TLanes.Load(mask + Plane), m2 = TLanes.Load(mask + 2 * Plane);
        for (; channels > 0; channels--, x += step, y += stepY)
        {
            TVector low = TLanes.Load(x), high = TLanes.Load(x + sizeof(ulong));
            TLanes.Store(TLanes.And(TLanes.Xor(TLanes.Right(low, right), TLanes.Left(high, 64 - right)), m0), y);
            TLanes.Store(TLanes.And(TLanes.Xor(TLanes.Right(low, right + 1), TLanes.Left(high, 63 - right)), m1), y + Plane);
            TLanes.Store(TLanes.And(TLanes.Xor(TLanes.Right(low, right + 2), TLanes.Left(high, 62 - right)), m2), y + 2 * Plane);
        }
    }
}
