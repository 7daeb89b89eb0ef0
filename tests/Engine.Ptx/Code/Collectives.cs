using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>An instruction whose members a register names.</summary>
internal abstract unsafe class MemberOperation(int members) : ConvergentOperation
{
    public override uint Members(Warp warp, uint mask) => ((uint*)(warp.Registers + members))[BitOperations.TrailingZeroCount(mask)];

    /// <summary>Lanes have to name themselves, and all the same lanes.</summary>
    protected void Check(Warp warp, uint mask)
    {
        uint* named = (uint*)(warp.Registers + members);
        uint first = named[BitOperations.TrailingZeroCount(mask)];
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            if (named[i] != first || (first >> i & 1) == 0)
                throw new KernelFaultException(PtxFaultKind.Divergence, i, $"the lane names members 0x{named[i]:x8}, the first lane 0x{first:x8}");
        }
    }
}

internal enum ShuffleMode
{
    Up,
    Down,
    Butterfly,
    Index,
}

/// <summary><c>shfl.sync</c>.</summary>
internal sealed unsafe class Shuffle(ShuffleMode mode, int d, int p, int a, int b, int c, int members) : MemberOperation(members)
{
    public override void Execute(Warp warp, uint mask)
    {
        Check(warp, mask);
        uint* source = (uint*)(warp.Registers + a), offsets = (uint*)(warp.Registers + b), clamps = (uint*)(warp.Registers + c), result = (uint*)(warp.Registers + d);
        uint* values = stackalloc uint[32];
        for (int i = 0; i < 32; i++) values[i] = source[i];
        uint valid = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            int offset = (int)(offsets[lane] & 31), clamp = (int)(clamps[lane] & 31), segment = (int)(clamps[lane] >> 8 & 31);
            int most = (lane & segment) | (clamp & ~segment), least = lane & segment;
            int from = mode switch
            {
                ShuffleMode.Up => lane - offset,
                ShuffleMode.Down => lane + offset,
                ShuffleMode.Butterfly => lane ^ offset,
                _ => least | (offset & ~segment),
            };
            bool inside = mode == ShuffleMode.Up ? from >= most : from <= most;
            if (inside) valid |= 1u << lane;
            else from = lane;
            if ((mask >> from & 1) == 0)
                throw new KernelFaultException(PtxFaultKind.Divergence, lane, $"reads lane {from}, which does not take part (0x{mask:x8} do)");
            result[lane] = values[from];
        }
        if (p >= 0) warp.Predicates[p] = (warp.Predicates[p] & ~mask) | valid;
    }

    public static Operation Build(Encoder e)
    {
        if (!e.Has("sync")) throw e.Unsupported("only with 'sync'");
        e.Expect(5);
        ShuffleMode mode = e.Has("up") ? ShuffleMode.Up : e.Has("down") ? ShuffleMode.Down : e.Has("bfly") ? ShuffleMode.Butterfly : e.Has("idx") ? ShuffleMode.Index : throw e.Wrong("no mode");
        var pair = e.Operand(0) as PairOperand;
        return new Shuffle(mode, e.Result(pair?.First ?? e.Operand(0), wide: false), pair == null ? -1 : e.PredicateResult(pair.Second),
            e.Source(1, PtxType.B32), e.Source(2, PtxType.B32), e.Source(3, PtxType.B32), e.Source(4, PtxType.B32));
    }
}

/// <summary><c>vote.sync</c>.</summary>
internal sealed unsafe class Vote(string mode, int d, (int Index, uint Flip) source, int members) : MemberOperation(members)
{
    public override void Execute(Warp warp, uint mask)
    {
        Check(warp, mask);
        uint votes = (warp.Predicates[source.Index] ^ source.Flip) & mask;
        if (mode == "ballot")
        {
            for (uint m = mask; m != 0; m &= m - 1) ((uint*)(warp.Registers + d))[BitOperations.TrailingZeroCount(m)] = votes;
            return;
        }
        bool result = mode switch { "all" => votes == mask, "any" => votes != 0, _ => votes == mask || votes == 0 };
        warp.Predicates[d] = result ? warp.Predicates[d] | mask : warp.Predicates[d] & ~mask;
    }

    public static Operation Build(Encoder e)
    {
        if (!e.Has("sync")) throw e.Unsupported("only with 'sync'");
        e.Expect(3);
        string mode = Array.Find(e.Instruction.Modifiers, m => m is "all" or "any" or "uni" or "ballot") ?? throw e.Wrong("no mode");
        return new Vote(mode, mode == "ballot" ? e.Result(0, PtxType.B32) : e.PredicateResult(e.Operand(0)), e.Predicate(1), e.Source(2, PtxType.B32));
    }
}

/// <summary><c>match.sync</c>: lanes with equal values.</summary>
internal sealed unsafe class Match(bool all, int d, int p, Slot a, int members) : MemberOperation(members)
{
    public override void Execute(Warp warp, uint mask)
    {
        Check(warp, mask);
        uint* result = (uint*)(warp.Registers + d);
        uint* found = stackalloc uint[32];
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            found[i] = 0;
            for (uint n = mask; n != 0; n &= n - 1)
            {
                int k = BitOperations.TrailingZeroCount(n);
                if (Value(warp, i) == Value(warp, k)) found[i] |= 1u << k;
            }
        }
        bool same = found[BitOperations.TrailingZeroCount(mask)] == mask;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            result[i] = all ? (same ? mask : 0) : found[i];
        }
        if (p >= 0) warp.Predicates[p] = same ? warp.Predicates[p] | mask : warp.Predicates[p] & ~mask;
    }

    private ulong Value(Warp warp, int lane) => a.Wide ? ((ulong*)(warp.Registers + a.Offset))[lane] : ((uint*)(warp.Registers + a.Offset))[lane];

    public static Operation Build(Encoder e)
    {
        e.Expect(3);
        var pair = e.Operand(0) as PairOperand;
        return new Match(e.Has("all"), e.Result(pair?.First ?? e.Operand(0), wide: false), pair == null ? -1 : e.PredicateResult(pair.Second), e.AnySource(e.Operand(1), e.Type), e.Source(2, PtxType.B32));
    }
}

/// <summary><c>redux.sync</c>.</summary>
internal sealed unsafe class Reduce(Func<uint, uint, uint> function, int d, int a, int members) : MemberOperation(members)
{
    public override void Execute(Warp warp, uint mask)
    {
        Check(warp, mask);
        uint* source = (uint*)(warp.Registers + a), result = (uint*)(warp.Registers + d);
        uint value = source[BitOperations.TrailingZeroCount(mask)];
        for (uint m = mask & (mask - 1); m != 0; m &= m - 1) value = function(value, source[BitOperations.TrailingZeroCount(m)]);
        for (uint m = mask; m != 0; m &= m - 1) result[BitOperations.TrailingZeroCount(m)] = value;
    }

    public static Operation Build(Encoder e)
    {
        e.Expect(3);
        bool signed = e.Type.IsSigned();
        Func<uint, uint, uint> function = Array.Find(e.Instruction.Modifiers, m => m is "add" or "min" or "max" or "and" or "or" or "xor") switch
        {
            "add" => (x, y) => x + y,
            "min" => signed ? (x, y) => (uint)Math.Min((int)x, (int)y) : Math.Min,
            "max" => signed ? (x, y) => (uint)Math.Max((int)x, (int)y) : Math.Max,
            "and" => (x, y) => x & y,
            "or" => (x, y) => x | y,
            "xor" => (x, y) => x ^ y,
            _ => throw e.Wrong("no function"),
        };
        if (e.Type.IsFloat()) throw e.Unsupported("integers only");
        return new Reduce(function, e.Result(0, PtxType.B32), e.Source(1, PtxType.B32), e.Source(2, PtxType.B32));
    }
}

/// <summary><c>activemask</c>.</summary>
internal sealed unsafe class ActiveMask(int d) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        for (uint m = mask; m != 0; m &= m - 1) ((uint*)(warp.Registers + d))[BitOperations.TrailingZeroCount(m)] = mask;
    }
}

/// <summary><c>fence</c> and <c>membar</c>.</summary>
internal sealed class FenceOperation : Operation
{
    public override void Execute(Warp warp, uint mask) => StrongAccess.Fence(warp);
}
