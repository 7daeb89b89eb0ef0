using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary><c>cp.async</c>.</summary>
internal sealed unsafe class CopyAsync(Address target, Address source, int bytes, int? read, (int Index, uint Flip)? ignore) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        AsyncCopies copies = warp.Copies ??= new AsyncCopies(warp, warp.Block.Launch.Options.AsyncMode == PtxAsyncMode.Eager);
        warp.Block.Worker.BytesRead += bytes * BitOperations.PopCount(mask);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            int wanted = read is { } place ? (int)Math.Min(((uint*)(warp.Registers + place))[i], (uint)bytes) : bytes;
            if (ignore is { } predicate && ((warp.Predicates[predicate.Index] ^ predicate.Flip) >> i & 1) != 0) wanted = 0;
            ulong to = At(warp, target, i);
            if (to > uint.MaxValue) to -= Windows.Shared;
            copies.Begin(new AsyncCopy(i, (uint)Math.Min(to, uint.MaxValue), At(warp, source, i), bytes, wanted));
        }
    }

    private static ulong At(Warp warp, Address address, int lane) => (ulong)address.Offset
        + (address.Base.Wide ? ((ulong*)(warp.Registers + address.Base.Offset))[lane] : ((uint*)(warp.Registers + address.Base.Offset))[lane]);
}

/// <summary><c>cp.async.commit_group</c>, <c>wait_group</c> and <c>wait_all</c>.</summary>
/// <param name="pending">Groups that may go on; -1 for a commit, -2 for all copies.</param>
internal sealed class AsyncGroups(int pending) : Operation
{
    public const int Commit = -1;
    public const int All = -2;

    public override void Execute(Warp warp, uint mask)
    {
        if (warp.Copies is not { } copies) return;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            if (pending == Commit) copies.Commit(i);
            else if (pending == All) copies.WaitAll(i);
            else copies.Wait(i, pending);
        }
    }
}

internal static class AsyncInstructions
{
    public static Operation Build(Encoder e)
    {
        if (!e.Has("async") || e.Has("bulk") || e.Has("mbarrier")) throw e.Unsupported("of 'cp' only copies by groups");
        if (e.Has("commit_group")) return new AsyncGroups(AsyncGroups.Commit);
        if (e.Has("wait_all")) return new AsyncGroups(AsyncGroups.All);
        if (e.Has("wait_group")) return new AsyncGroups(e.Constant(0) is >= 0 and var n ? n : throw e.Wrong("a negative number of groups"));
        e.Expect(3, 5);
        int bytes = e.Constant(2);
        if (bytes is not (4 or 8 or 16) || (e.Has("cg") && bytes != 16)) throw e.Wrong($"a copy of {bytes} bytes");
        bool hint = e.Has("L2::cache_hint");
        int extra = e.Count - 3 - (hint ? 1 : 0);
        int? read = null;
        (int, uint)? ignore = null;
        if (extra > 0 && e.Operand(3) is RegisterOperand { Register.Type: PtxType.Pred }) ignore = e.Predicate(3);
        else if (extra > 0) read = e.Source(3, PtxType.U32);
        return new CopyAsync(e.Address(0), e.Address(1), bytes, read, ignore);
    }
}
