using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>What an access is besides its space and type.</summary>
internal static class MemoryEncoding
{
    public static PtxSpace Space(Encoder e)
    {
        string[] words = e.Instruction.Modifiers;
        if (Array.Exists(words, w => w == "global" || w == "const")) return PtxSpace.Global;
        if (Array.Exists(words, w => w.StartsWith("shared", StringComparison.Ordinal))) return e.Has("shared::cluster") ? throw e.Unsupported("no clusters here") : PtxSpace.Shared;
        if (e.Has("local")) return PtxSpace.Local;
        if (!Array.Exists(words, w => w.StartsWith("param", StringComparison.Ordinal))) return PtxSpace.Generic;
        return e.Operand(e.Instruction.Opcode == "st" ? 0 : 1) is AddressOperand { Base: VariableOperand { Variable.Space: PtxSpace.Argument } } ? PtxSpace.Local : PtxSpace.Parameter;
    }

    public static int Count(Encoder e) => e.Has("v2") ? 2 : e.Has("v4") ? 4 : e.Has("v8") ? throw e.Unsupported("no vectors of eight") : 1;

    /// <summary>Accesses that others may race with: they order, or are never torn apart.</summary>
    public static bool IsStrong(Encoder e) => e.Has("volatile") || e.Has("relaxed") || e.Has("acquire") || e.Has("release") || e.Has("mmio");

    /// <summary>Picks an operation by space and size of the element.</summary>
    public static Operation Pick(Encoder e, IPicker picker)
    {
        return Space(e) switch
        {
            PtxSpace.Global => Element<GlobalSpace>(e, picker),
            PtxSpace.Shared => Element<SharedSpace>(e, picker),
            PtxSpace.Local => Element<LocalSpace>(e, picker),
            PtxSpace.Parameter => Element<ParameterSpace>(e, picker),
            _ => Element<GenericSpace>(e, picker),
        };
    }

    private static Operation Element<TSpace>(Encoder e, IPicker picker)
        where TSpace : struct, ISpace => e.Type switch
        {
            PtxType.S8 => picker.Make<TSpace, sbyte>(),
            PtxType.U8 or PtxType.B8 => picker.Make<TSpace, byte>(),
            PtxType.S16 => picker.Make<TSpace, short>(),
            PtxType.U16 or PtxType.B16 or PtxType.F16 or PtxType.BF16 => picker.Make<TSpace, ushort>(),
            PtxType.S32 => picker.Make<TSpace, int>(),
            PtxType.B32 or PtxType.U32 or PtxType.F32 or PtxType.F16x2 or PtxType.BF16x2 => picker.Make<TSpace, uint>(),
            PtxType.B64 or PtxType.U64 or PtxType.S64 or PtxType.F64 => picker.Make<TSpace, ulong>(),
            _ => throw e.Unsupported($"no access of type {e.Type}"),
        };
}

internal interface IPicker
{
    Operation Make<TSpace, T>()
        where TSpace : struct, ISpace
        where T : unmanaged, IBinaryInteger<T>;
}

/// <summary>A register that is loaded or stored: its place and the bits of it that count.</summary>
internal readonly record struct MemoryRegister(Slot Slot, uint Mask);

/// <summary><c>ld</c>.</summary>
internal static class Loads
{
    public static Operation Build(Encoder e)
    {
        e.Expect(2, 3);
        return MemoryEncoding.Pick(e, new Picker(e));
    }

    private sealed class Picker(Encoder e) : IPicker
    {
        public Operation Make<TSpace, T>()
            where TSpace : struct, ISpace
            where T : unmanaged, IBinaryInteger<T>
        {
            IReadOnlyList<Operand> items = e.Items(0);
            int count = MemoryEncoding.Count(e);
            if (items.Count != count) throw e.Wrong($"{items.Count} registers, expected {count}");
            MemoryRegister[] registers = [.. items.Select(Target)];
            return new Load<TSpace, T>(registers, e.Address(1), MemoryEncoding.IsStrong(e) ? new StrongAccess(e) : null);
        }

        private MemoryRegister Target(Operand operand)
        {
            if (operand is SinkOperand) return new MemoryRegister(e.Compiler.File.Add(e.Type.Bits() == 64), uint.MaxValue);
            Slot slot = e.Register(operand);
            int bits = ((RegisterOperand)operand).Register.Type.Bits();
            if (bits < e.Type.Bits()) throw e.Wrong("the value does not fit its register");
            return new MemoryRegister(slot, bits == 16 ? 0xffff : uint.MaxValue);
        }
    }
}

internal sealed unsafe class Load<TSpace, T>(MemoryRegister[] registers, Address address, StrongAccess? strong) : Operation
    where TSpace : struct, ISpace
    where T : unmanaged, IBinaryInteger<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        int bytes = registers.Length * sizeof(T);
        if (typeof(TSpace) == typeof(GlobalSpace)) warp.Block.Worker.BytesRead += bytes * BitOperations.PopCount(mask);
        strong?.Before(warp);
        AccessKind kind = strong == null ? AccessKind.Read : AccessKind.StrongRead;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong at = (address.Base.Wide ? ((ulong*)(file + address.Base.Offset))[i] : ((uint*)(file + address.Base.Offset))[i]) + (ulong)address.Offset;
            byte* data = TSpace.Find(warp, at, bytes, i, write: false);
            TSpace.Note(warp, at, bytes, i, kind);
            foreach (MemoryRegister register in registers)
            {
                T value = *(T*)data;
                if (register.Slot.Wide) ((ulong*)(file + register.Slot.Offset))[i] = ulong.CreateTruncating(value);
                else ((uint*)(file + register.Slot.Offset))[i] = uint.CreateTruncating(value) & register.Mask;
                data += sizeof(T);
            }
        }
        strong?.After(warp);
    }
}

/// <summary><c>st</c>.</summary>
internal static class Stores
{
    public static Operation Build(Encoder e)
    {
        e.Expect(2, 3);
        return MemoryEncoding.Pick(e, new Picker(e));
    }

    private sealed class Picker(Encoder e) : IPicker
    {
        public Operation Make<TSpace, T>()
            where TSpace : struct, ISpace
            where T : unmanaged, IBinaryInteger<T>
        {
            IReadOnlyList<Operand> items = e.Items(1);
            int count = MemoryEncoding.Count(e);
            if (items.Count != count) throw e.Wrong($"{items.Count} registers, expected {count}");
            Slot[] sources = [.. items.Select(i => e.AnySource(i, e.Type))];
            return new Store<TSpace, T>(sources, e.Address(0), MemoryEncoding.IsStrong(e) ? new StrongAccess(e) : null);
        }
    }
}

internal sealed unsafe class Store<TSpace, T>(Slot[] sources, Address address, StrongAccess? strong) : Operation
    where TSpace : struct, ISpace
    where T : unmanaged, IBinaryInteger<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        byte* file = warp.Registers;
        int bytes = sources.Length * sizeof(T);
        if (typeof(TSpace) == typeof(GlobalSpace)) warp.Block.Worker.BytesWritten += bytes * BitOperations.PopCount(mask);
        strong?.Before(warp);
        AccessKind kind = strong == null ? AccessKind.Write : AccessKind.Atomic;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong at = (address.Base.Wide ? ((ulong*)(file + address.Base.Offset))[i] : ((uint*)(file + address.Base.Offset))[i]) + (ulong)address.Offset;
            byte* data = TSpace.Find(warp, at, bytes, i, write: true);
            bool same = strong == null;
            foreach (Slot source in sources)
            {
                T value = T.CreateTruncating(source.Wide ? ((ulong*)(file + source.Offset))[i] : ((uint*)(file + source.Offset))[i]);
                same &= *(T*)data == value;
                *(T*)data = value;
                data += sizeof(T);
            }
            TSpace.Note(warp, at, bytes, i, same ? AccessKind.SameWrite : kind);
        }
        strong?.After(warp);
    }
}

/// <summary>Bytes of local memory to another place of it: arguments and results of calls.</summary>
internal sealed unsafe class LocalCopy(long to, long from, int bytes) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            byte* lane = warp.Local + (long)BitOperations.TrailingZeroCount(mask) * warp.LocalBytes;
            Buffer.MemoryCopy(lane + from, lane + to, bytes, bytes);
        }
    }
}
