using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary><c>bfi</c>: the low bits of a into b at a place.</summary>
internal sealed unsafe class InsertField(int d, int a, int b, int place, int length, bool wide) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            int at = (int)(((uint*)(file + place))[i] & 0xff), bits = (int)(((uint*)(file + length))[i] & 0xff);
            ulong ones = bits >= 64 ? ulong.MaxValue : (1UL << bits) - 1;
            ulong field = at >= 64 ? 0 : ones << at;
            if (wide) ((ulong*)(file + d))[i] = (((ulong*)(file + b))[i] & ~field) | (at >= 64 ? 0 : ((ulong*)(file + a))[i] << at & field);
            else ((uint*)(file + d))[i] = (uint)((((uint*)(file + b))[i] & ~field) | (at >= 64 ? 0 : (ulong)((uint*)(file + a))[i] << at & field));
        }
    }
}

/// <summary><c>lop3</c>: bit i of the table is the result for i = 4a + 2b + c.</summary>
internal sealed unsafe class Logic3(int d, int a, int b, int c, byte table) : Operation
{
    public static Operation Build(Encoder e)
    {
        if (e.Has("BoolOp") || e.Count != 5) throw e.Unsupported("only lop3.b32 with five operands");
        return new Logic3(e.Result(0, PtxType.B32), e.Source(1, PtxType.B32), e.Source(2, PtxType.B32), e.Source(3, PtxType.B32), (byte)e.Constant(4));
    }

    public override void Execute(Warp warp, uint mask)
    {
        uint* x = (uint*)(warp.Registers + a), y = (uint*)(warp.Registers + b), z = (uint*)(warp.Registers + c), r = (uint*)(warp.Registers + d);
        uint t0 = 0u - (table & 1u), t1 = 0u - ((uint)table >> 1 & 1u), t2 = 0u - ((uint)table >> 2 & 1u), t3 = 0u - ((uint)table >> 3 & 1u);
        uint t4 = 0u - ((uint)table >> 4 & 1u), t5 = 0u - ((uint)table >> 5 & 1u), t6 = 0u - ((uint)table >> 6 & 1u), t7 = 0u - ((uint)table >> 7);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            uint p = x[i], q = y[i], s = z[i];
            uint low = (q & ((s & t3) | (~s & t2))) | (~q & ((s & t1) | (~s & t0)));
            uint high = (q & ((s & t7) | (~s & t6))) | (~q & ((s & t5) | (~s & t4)));
            r[i] = (p & high) | (~p & low);
        }
    }
}
