using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// One output channel after the other along a tree: a channel's count is its parent's, and twice the inputs in which their signs differ. Fewer additions than <see cref="ConvBinaryFr"/> where
/// channels are much alike.
/// </summary>
public static unsafe class ConvBinaryMst
{
    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<ConvBinaryFr.Fn> Table { get; } = new("conv-binary-mst",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, Channel<Vector512<ulong>, BitLanes512>),
        new("avx2", Avx2.IsSupported, Channel<Vector256<ulong>, BitLanes256>),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Channel<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Channel<ulong, BitLanes64>));

    /// <summary>Stands for the parent of the root.</summary>
    internal const ushort None = ushort.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ushort* Channel<TVector, TLanes>(in SlicedBlock b, ushort* unit) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        int channel = unit[0], parent = unit[1], slot = unit[2];
        ushort* list = unit + SlicedProgram.UnitHeader, end = unit;
        for (int lane = 0; lane < BitPlanes.PlaneBytes; lane += TLanes.Bytes)
        {
            byte* work = b.Work + lane, to = work + slot * b.Step;
            // The lowest bit is the same for all channels; it stays where the root, in slot 0, left it.
            if (parent == None) end = PlaneCounters<TVector, TLanes>.Run(b.Bits, b.Planes + lane, list, 1, null, to, 0);
            else end = PlaneCounters<TVector, TLanes>.Run(b.Bits - 1, b.Planes + lane, list, 1, work + parent * b.Step + BitPlanes.PlaneBytes, to + BitPlanes.PlaneBytes, 0);
            if (b.Thresholds == null) PlaneChain<TVector, TLanes>.Numbers(b.Bits, work, to, 0, null, 0, b.Sums + lane);
            else PlaneChain<TVector, TLanes>.Signs(b, lane, work, to, 0, null, 0, b.Thresholds + channel * b.ThresholdStep, b.Y + channel * b.YStep + lane);
        }
        return end;
    }
}
