using System.Numerics;
using Engine.Ptx.Machine;

namespace Engine.Ptx.Code;

/// <summary>Logic of predicates, whose 32 lanes are the bits of a word.</summary>
internal static class Predicates
{
    public static Operation Logic(Encoder e, Func<uint, uint, uint> function)
    {
        e.Expect(3);
        return new PredicateLogic(e.PredicateResult(e.Operand(0)), e.Predicate(1), e.Predicate(2), function);
    }

    public static Operation Move(Encoder e, uint flip)
    {
        e.Expect(2);
        int d = e.PredicateResult(e.Operand(0));
        if (e.Operand(1) is Text.ImmediateOperand immediate)
        {
            uint constant = (immediate.Bits != 0 ? uint.MaxValue : 0) ^ flip;
            return new PredicateLogic(d, (d, 0), (d, 0), (_, _) => constant);
        }
        return new PredicateLogic(d, e.Predicate(1), e.Predicate(1), (a, _) => a ^ flip);
    }
}

internal sealed unsafe class PredicateLogic(int d, (int Index, uint Flip) a, (int Index, uint Flip) b, Func<uint, uint, uint> function) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        uint* p = warp.Predicates;
        p[d] = (p[d] & ~mask) | (function(p[a.Index] ^ a.Flip, p[b.Index] ^ b.Flip) & mask);
    }
}

/// <summary>A predicate of a value of 64 bits.</summary>
internal sealed unsafe class PredicateOf(int d, int a, Func<ulong, bool> function) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        uint result = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            if (function(((ulong*)(warp.Registers + a))[i])) result |= 1u << i;
        }
        warp.Predicates[d] = (warp.Predicates[d] & ~mask) | result;
    }
}
