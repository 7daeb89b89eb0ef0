using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary><c>trap</c>.</summary>
internal sealed class Trap : Operation
{
    public override void Execute(Warp warp, uint mask) =>
        throw new KernelFaultException(PtxFaultKind.Trap, BitOperations.TrailingZeroCount(mask), "the kernel gave up");
}

/// <summary>An instruction without an effect on what this machine models.</summary>
internal sealed class Nothing : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
    }
}

/// <summary>A clock, which counts instructions of the worker.</summary>
internal sealed unsafe class Clock(Slot d, bool high) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        ulong now = (ulong)warp.Block.Worker.Executed;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            if (d.Wide) ((ulong*)(warp.Registers + d.Offset))[i] = now;
            else ((uint*)(warp.Registers + d.Offset))[i] = (uint)(high ? now >> 32 : now);
        }
    }
}

/// <summary>Bits of several registers as those of one, and the other way round.</summary>
internal sealed unsafe class Repack(Slot[] results, Slot[] sources, int resultBits, int sourceBits) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        ulong ones = resultBits == 64 ? ulong.MaxValue : (1UL << resultBits) - 1;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong all = 0;
            for (int k = 0; k < sources.Length; k++)
                all |= (sources[k].Wide ? ((ulong*)(file + sources[k].Offset))[i] : ((uint*)(file + sources[k].Offset))[i]) << (k * sourceBits);
            for (int k = 0; k < results.Length; k++)
            {
                ulong part = all >> (k * resultBits) & ones;
                if (results[k].Wide) ((ulong*)(file + results[k].Offset))[i] = part;
                else ((uint*)(file + results[k].Offset))[i] = (uint)part;
            }
        }
    }
}

/// <summary>Moves, addresses between spaces, and what has no effect here.</summary>
internal static class Moves
{
    private readonly struct Same<T> : IUnary<T, T>
    {
        public static T Of(T a) => a;
    }

    public static void Register(Dictionary<string, Func<Encoder, Operation>> table)
    {
        table["mov"] = Move;
        table["cvta"] = ConvertAddress;
        table["isspacep"] = IsSpace;
        foreach (string name in (string[])["prefetch", "prefetchu", "nanosleep", "griddepcontrol", "discard", "applypriority", "pmevent", "setmaxnreg"])
            table[name] = _ => new Nothing();
        table["createpolicy"] = e => new LaneFunction(new Slot(e.Result(0, PtxType.B64), true), [e.Compiler.File.Constant(0, wide: true)], (_, _, _) => 0);
    }

    private static Operation Move(Encoder e)
    {
        e.Expect(2);
        if (e.Type == PtxType.Pred) return Predicates.Move(e, 0);
        if (e.Operand(0) is ListOperand || e.Operand(1) is ListOperand) return Pack(e);
        if (e.Operand(1) is SpecialOperand { Name: var name } && (name.StartsWith("%clock", StringComparison.Ordinal) || name.StartsWith("%globaltimer", StringComparison.Ordinal)))
            return new Clock(e.Register(e.Operand(0)), name.EndsWith("hi", StringComparison.Ordinal));
        return Copy(e, e.Result(0, e.Type), e.Source(1, e.Type));
    }

    private static Operation Copy(Encoder e, int d, int a) =>
        e.Type.Bits() == 64 ? new Unary<Same<ulong>, ulong, ulong>(d, a) : new Unary<Same<uint>, uint, uint>(d, a);

    private static Repack Pack(Encoder e)
    {
        IReadOnlyList<Operand> results = e.Items(0), sources = e.Items(1);
        int bits = e.Type.Bits();
        if (results.Count * sources.Count is not (2 or 4 or 8) || (results.Count > 1 && sources.Count > 1)) throw e.Wrong("one side has to be a single register");
        PtxType part = (bits / (results.Count * sources.Count)) switch { 8 => PtxType.B8, 16 => PtxType.B16, 32 => PtxType.B32, _ => throw e.Unsupported("no parts of such a size") };
        return new Repack(
            [.. results.Select(r => new Slot(e.Result(r, bits == 64 && results.Count == 1), bits == 64 && results.Count == 1))],
            [.. sources.Select(s => e.AnySource(s, sources.Count == 1 ? e.Type : part))],
            bits / results.Count,
            bits / sources.Count);
    }

    /// <summary><c>cvta</c>: an address of a space as a generic one, or back.</summary>
    private static Operation ConvertAddress(Encoder e)
    {
        e.Expect(2);
        if (e.Type.Bits() != 64) throw e.Unsupported("addresses of 64 bits only");
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type);
        ulong window = e.Has("shared") ? Windows.Shared : e.Has("local") ? Windows.Local : e.Has("param") ? Windows.Parameter : 0;
        if (window == 0) return Copy(e, d, a);
        ulong add = e.Has("to") ? 0 - window : window;
        return new LaneFunction(new Slot(d, true), [new Slot(a, true)], (x, _, _) => x + add);
    }

    private static Operation IsSpace(Encoder e)
    {
        e.Expect(2);
        ulong first = e.Has("shared") ? Windows.Shared : e.Has("local") ? Windows.Local : e.Has("param") ? Windows.Parameter : Windows.Global;
        ulong size = first == Windows.Global ? 1UL << 48 : Windows.Size;
        return new PredicateOf(e.PredicateResult(e.Operand(0)), e.Source(1, PtxType.U64), address => address - first < size);
    }
}
