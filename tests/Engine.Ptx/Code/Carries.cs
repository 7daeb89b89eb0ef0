using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>Sums and differences with carry: <c>add.cc</c>, <c>addc</c>, <c>sub.cc</c>, <c>subc</c>.</summary>
internal sealed unsafe class Carries(int d, int a, int b, bool wide, bool subtract, bool takes, bool gives) : Operation
{
    public static Operation Build(Encoder e)
    {
        e.Expect(3);
        bool subtract = e.Instruction.Opcode.StartsWith("sub", StringComparison.Ordinal);
        return new Carries(e.Result(0, e.Type), e.Source(1, e.Type), e.Source(2, e.Type), e.Type.Bits() == 64, subtract, e.Instruction.Opcode.EndsWith('c'), e.Has("cc"));
    }

    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            UInt128 x = wide ? ((ulong*)(file + a))[i] : ((uint*)(file + a))[i], y = wide ? ((ulong*)(file + b))[i] : ((uint*)(file + b))[i];
            uint carry = takes ? warp.Carry >> i & 1 : 0;
            UInt128 sum = subtract ? unchecked(x - y - carry) : x + y + carry;
            if (wide) ((ulong*)(file + d))[i] = (ulong)sum;
            else ((uint*)(file + d))[i] = (uint)sum;
            if (gives) warp.Carry = (warp.Carry & ~(1u << i)) | ((uint)(sum >> (wide ? 64 : 32)) & 1) << i;
        }
    }
}
