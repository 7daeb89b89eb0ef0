using Engine.Ptx.Machine;
using Engine.Ptx.Memory;

namespace Engine.Ptx.Code;

internal enum BarrierKind
{
    Sync,
    Arrive,
    Count,
    And,
    Or,
}

/// <summary><c>bar</c> and <c>barrier</c>.</summary>
/// <param name="kind">What happens there.</param>
/// <param name="id">Place of the barrier's number.</param>
/// <param name="threads">Place of how many threads take part; null for all of the block.</param>
/// <param name="result">Place, or index of the predicate, of a reduction's result.</param>
/// <param name="predicate">What is reduced.</param>
/// <param name="flip">Bits of the predicate to turn over.</param>
internal sealed unsafe class BarrierOperation(BarrierKind kind, int id, int? threads, int result, int predicate, uint flip) : ConvergentOperation
{
    public BarrierKind Kind => kind;

    public override void Execute(Warp warp, uint mask)
    {
        int lane = System.Numerics.BitOperations.TrailingZeroCount(mask);
        uint number = ((uint*)(warp.Registers + id))[lane];
        if (number >= BlockBarrier.Count) throw new KernelFaultException(PtxFaultKind.Trap, lane, $"barrier {number} of {BlockBarrier.Count}");
        uint expected = threads is { } place ? ((uint*)(warp.Registers + place))[lane] : 0;
        if (threads != null && (expected == 0 || expected % 32 != 0)) throw new KernelFaultException(PtxFaultKind.Trap, lane, $"a barrier of {expected} threads, no multiple of 32");
        uint votes = kind >= BarrierKind.Count ? (warp.Predicates[predicate] ^ flip) & mask : 0;
        warp.Block.Arrive(warp, (int)number, (int)expected, this, votes, mask);
    }

    /// <summary>Gives a warp that waited the reduction's result.</summary>
    public void Finish(Warp warp, int votes, int of)
    {
        switch (kind)
        {
            case BarrierKind.Count:
                for (int i = 0; i < 32; i++) if ((warp.Active >> i & 1) != 0) ((uint*)(warp.Registers + result))[i] = (uint)votes;
                break;
            case BarrierKind.And: Set(warp, votes == of); break;
            case BarrierKind.Or: Set(warp, votes != 0); break;
        }
    }

    private void Set(Warp warp, bool value) =>
        warp.Predicates[result] = value ? warp.Predicates[result] | warp.Active : warp.Predicates[result] & ~warp.Active;
}

/// <summary>Orders the memory accesses of a warp's lanes.</summary>
internal sealed unsafe class WarpBarrier(int members) : ConvergentOperation
{
    public override uint Members(Warp warp, uint mask) => ((uint*)(warp.Registers + members))[System.Numerics.BitOperations.TrailingZeroCount(mask)];

    public override void Execute(Warp warp, uint mask) => warp.Block.OrderWarp(warp);
}

/// <summary>Barrier instructions.</summary>
internal static class Barriers
{
    /// <summary><c>bar{.warp}.sync</c>, <c>bar.arrive</c>, <c>bar.red</c>.</summary>
    public static Operation Build(Encoder e)
    {
        if (e.Has("warp")) return new WarpBarrier(e.Source(0, Text.PtxType.B32));
        if (e.Has("cluster")) throw e.Unsupported("no clusters here");
        if (e.Has("red"))
        {
            bool counts = e.Has("popc");
            e.Expect(3, 4);
            int result = counts ? e.Result(0, Text.PtxType.U32) : e.PredicateResult(e.Operand(0));
            (int predicate, uint flip) = e.Predicate(e.Count - 1);
            return new BarrierOperation(counts ? BarrierKind.Count : e.Has("and") ? BarrierKind.And : BarrierKind.Or,
                e.Source(1, Text.PtxType.U32), e.Count == 4 ? e.Source(2, Text.PtxType.U32) : null, result, predicate, flip);
        }
        e.Expect(1, 2);
        if (e.Has("arrive") && e.Count != 2) throw e.Wrong("'arrive' needs a number of threads");
        return new BarrierOperation(e.Has("arrive") ? BarrierKind.Arrive : BarrierKind.Sync,
            e.Source(0, Text.PtxType.U32), e.Count == 2 ? e.Source(1, Text.PtxType.U32) : null, 0, 0, 0);
    }
}
