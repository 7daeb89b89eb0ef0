using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Several output channels at once ("Four Russians"): inputs are grouped by how the channels' signs differ from those of the first, groups follow one another in Gray order, and one counter runs
/// through them all. A channel is the last count plus and minus twice those at which its sign turns. An input is so counted once a set, not once a channel.
/// </summary>
public static unsafe class ConvBinaryFr
{
    /// <summary>Runs one unit of a <see cref="SlicedProgram"/>; the result is the next.</summary>
    public delegate ushort* Fn(in SlicedBlock block, ushort* unit);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("conv-binary-fr",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, Set<Vector512<ulong>, BitLanes512>),
        new("avx2", Avx2.IsSupported, Set<Vector256<ulong>, BitLanes256>),
        new("advsimd", System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported, Set<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Set<ulong, BitLanes64>));

    /// <summary>Most channels of a set.</summary>
    internal const int MostChannels = 6;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ushort* Set<TVector, TLanes>(in SlicedBlock b, ushort* unit) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        int channels = unit[0], first = unit[1], groups = 1 << (channels - 1);
        nint step = b.Step;
        ushort* end = unit;
        for (int lane = 0; lane < BitPlanes.PlaneBytes; lane += TLanes.Bytes)
        {
            byte* work = b.Work + lane, last = work + (groups - 1) * step, half = work + groups * step;
            end = PlaneCounters<TVector, TLanes>.Run(b.Bits, b.Planes + lane, unit + SlicedProgram.UnitHeader, groups, null, work, step);
            for (int c = 0; c < channels; c++)
            {
                int bit = channels - 1 - c, terms = c == 0 ? 0 : groups >> (bit + 1);
                byte* from = last, term = work + ((1 << bit) - 1) * step;
                nint apart = step << (bit + 1);
                if (terms > PlaneChain<TVector, TLanes>.MostTerms)
                {
                    terms -= PlaneChain<TVector, TLanes>.MostTerms;
                    PlaneChain<TVector, TLanes>.Numbers(b.Bits, last, from, PlaneChain<TVector, TLanes>.MostTerms, term, apart, half);
                    term += PlaneChain<TVector, TLanes>.MostTerms * apart;
                    from = half;
                }
                if (b.Thresholds == null) PlaneChain<TVector, TLanes>.Numbers(b.Bits, last, from, terms, term, apart, b.Sums + c * step + lane);
                else PlaneChain<TVector, TLanes>.Signs(b, lane, last, from, terms, term, apart, b.Thresholds + (first + c) * b.ThresholdStep, b.Y + (first + c) * b.YStep + lane);
            }
        }
        return end;
    }
}
