using System.Numerics;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary><c>atom</c> and <c>red</c>: lanes one after the other, in an order that the seed chooses.</summary>
internal sealed unsafe class Atomic<TSpace>(Slot? d, Address address, Slot b, Slot? c, int bytes, Func<ulong, ulong, ulong, ulong> function, StrongAccess order) : Operation
    where TSpace : struct, ISpace
{
    public override void Execute(Warp warp, uint mask)
    {
        Launch launch = warp.Block.Launch;
        order.Before(warp);
        warp.Block.Worker.BytesWritten += typeof(TSpace) == typeof(SharedSpace) ? 0 : bytes * BitOperations.PopCount(mask);
        int start = warp.Block.Worker.Random.Next(32);
        lock (launch)
        {
            for (int k = 0; k < 32; k++)
            {
                int i = (start + k) & 31;
                if ((mask >> i & 1) != 0) Execute(warp, i);
            }
        }
        order.After(warp);
    }

    private void Execute(Warp warp, int lane)
    {
        byte* file = warp.Registers;
        ulong at = Read(file, address.Base, lane) + (ulong)address.Offset;
        // The word is read too.
        byte* data = TSpace.Find(warp, at, bytes, lane, write: false);
        TSpace.Find(warp, at, bytes, lane, write: true);
        TSpace.Note(warp, at, bytes, lane, AccessKind.Atomic);
        ulong old = bytes switch { 2 => *(ushort*)data, 4 => *(uint*)data, _ => *(ulong*)data };
        ulong value = function(old, Read(file, b, lane), c is { } third ? Read(file, third, lane) : 0);
        if (bytes == 2) *(ushort*)data = (ushort)value;
        else if (bytes == 4) *(uint*)data = (uint)value;
        else *(ulong*)data = value;
        if (d is not { } slot) return;
        if (slot.Wide) ((ulong*)(file + slot.Offset))[lane] = old;
        else ((uint*)(file + slot.Offset))[lane] = (uint)old;
    }

    private static ulong Read(byte* file, Slot slot, int lane) =>
        slot.Wide ? ((ulong*)(file + slot.Offset))[lane] : ((uint*)(file + slot.Offset))[lane];
}

internal static class Atomics
{
    public static Operation Build(Encoder e)
    {
        bool reduces = e.Instruction.Opcode == "red";
        if (e.Has("v2") || e.Has("v4") || e.Has("v8")) throw e.Unsupported("no vectors");
        int at = reduces ? 0 : 1;
        bool wide = e.Type.Bits() == 64;
        Slot? d = reduces || e.Operand(0) is SinkOperand ? null : new Slot(e.Result(0, e.Type), wide);
        Slot b = new(e.Source(at + 1, e.Type), wide);
        Slot? c = e.Has("cas") ? new Slot(e.Source(at + 2, e.Type), wide) : null;
        var order = new StrongAccess(e);
        Func<ulong, ulong, ulong, ulong> function = Function(e);
        int bytes = e.Type.Bytes();
        Address address = e.Address(at);
        bool shared = Array.Exists(e.Instruction.Modifiers, m => m.StartsWith("shared", StringComparison.Ordinal));
        return shared ? new Atomic<SharedSpace>(d, address, b, c, bytes, function, order)
            : e.Has("global") ? new Atomic<GlobalSpace>(d, address, b, c, bytes, function, order)
            : new Atomic<GenericSpace>(d, address, b, c, bytes, function, order);
    }

    private static Func<ulong, ulong, ulong, ulong> Function(Encoder e)
    {
        PtxType type = e.Type;
        string name = Array.Find(e.Instruction.Modifiers, m => m is "add" or "inc" or "dec" or "min" or "max" or "and" or "or" or "xor" or "exch" or "cas") ?? throw e.Wrong("no function");
        return name switch
        {
            "exch" => (_, b, _) => b,
            "cas" => (old, b, c) => old == b ? c : old,
            "and" => (old, b, _) => old & b,
            "or" => (old, b, _) => old | b,
            "xor" => (old, b, _) => old ^ b,
            "inc" => (old, b, _) => old >= b ? 0 : old + 1,
            "dec" => (old, b, _) => old == 0 || old > b ? b : old - 1,
            "add" when type.IsFloat() => FloatSum(e, type),
            "add" => (old, b, _) => old + b,
            "min" when !type.IsFloat() => type.IsSigned() ? (old, b, _) => Integers.Signed(type, old) < Integers.Signed(type, b) ? old : b : (old, b, _) => Math.Min(old, b),
            "max" when !type.IsFloat() => type.IsSigned() ? (old, b, _) => Integers.Signed(type, old) > Integers.Signed(type, b) ? old : b : (old, b, _) => Math.Max(old, b),
            _ => throw e.Unsupported($"no '{name}' of type {type}"),
        };
    }

    private static Func<ulong, ulong, ulong, ulong> FloatSum(Encoder e, PtxType type) => type switch
    {
        PtxType.F32 => (old, b, _) => BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)old) + BitConverter.UInt32BitsToSingle((uint)b)),
        PtxType.F64 => (old, b, _) => BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(b)),
        PtxType.F16 => (old, b, _) => HalfSum((uint)old, (uint)b),
        PtxType.F16x2 => (old, b, _) => HalfSum((uint)old & 0xffff, (uint)b & 0xffff) | (ulong)HalfSum((uint)old >> 16, (uint)b >> 16) << 16,
        PtxType.BF16 => (old, b, _) => BrainSum((uint)old, (uint)b),
        PtxType.BF16x2 => (old, b, _) => BrainSum((uint)old & 0xffff, (uint)b & 0xffff) | (ulong)BrainSum((uint)old >> 16, (uint)b >> 16) << 16,
        _ => throw e.Unsupported($"no sum of type {type}"),
    };

    private static ushort HalfSum(uint a, uint b) => Rounding.ToF16((double)Rounding.FromF16(a) + Rounding.FromF16(b));

    private static ushort BrainSum(uint a, uint b) => Rounding.ToBF16(Rounding.OddSum(Rounding.FromBF16(a), 1, Rounding.FromBF16(b)));
}
