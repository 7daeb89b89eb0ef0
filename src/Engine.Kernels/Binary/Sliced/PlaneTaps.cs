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
            byte* from = x + (shifts[t] >> 6) * sizeof(ulong), to = y + t * BitPlanes.PlaneBytes;
            int right = (int)(shifts[t] & 63);
            for (int c = 0; c < channels; c++, from += step, to += (nint)taps * BitPlanes.PlaneBytes)
                for (int lane = 0; lane < BitPlanes.PlaneBytes; lane += TLanes.Bytes)
                {
                    // A shift by 64 is none: one by 63 and one more.
                    TVector low = TLanes.Right(TLanes.Load(from + lane), right), high = TLanes.Left(TLanes.Left(TLanes.Load(from + lane + sizeof(ulong)), 63 - right), 1);
                    TLanes.Store(TLanes.And(TLanes.Xor(low, high), TLanes.Load(masks + t * BitPlanes.PlaneBytes + lane)), to + lane);
                }
        }
    }
}
