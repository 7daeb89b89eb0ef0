using System.Runtime.CompilerServices;
using Engine.Ptx.Machine;

namespace Engine.Ptx.Memory;

/// <summary>A state space.</summary>
internal unsafe interface ISpace
{
    /// <summary>The bytes at an address, after all checks but that for races. <paramref name="bytes"/> is a power of two up to 16.</summary>
    static abstract byte* Find(Warp warp, ulong address, int bytes, int lane, bool write);

    /// <summary>Checks an access for races, and keeps it for later ones.</summary>
    static abstract void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind);
}

internal readonly unsafe struct GlobalSpace : ISpace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Find(Warp warp, ulong address, int bytes, int lane, bool write)
    {
        GlobalMemory memory = warp.Block.Launch.Memory;
        return write ? memory.Write(address, bytes, lane) : memory.Read(address, bytes, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        if (warp.Block.Launch.ChecksGlobal) warp.Block.Launch.NoteGlobal(warp, lane, address, bytes, kind);
    }
}

internal readonly unsafe struct SharedSpace : ISpace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Find(Warp warp, ulong address, int bytes, int lane, bool write)
    {
        Block block = warp.Block;
        if (address + (ulong)bytes > (ulong)block.SharedBytes || address > int.MaxValue || (address & (uint)(bytes - 1)) != 0) Fail(block, address, bytes, lane);
        return block.Shared + address;
    }

    private static void Fail(Block block, ulong address, int bytes, int lane)
    {
        if (address <= int.MaxValue && address + (ulong)bytes <= (ulong)block.SharedBytes)
            throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of shared memory");
        throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {block.SharedBytes} bytes of shared memory");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind) =>
        warp.Block.SharedShadow?.Access(warp, lane, (long)address, bytes, kind);
}

/// <summary>A lane's own memory.</summary>
internal readonly unsafe struct LocalSpace : ISpace
{
    public static byte* Find(Warp warp, ulong address, int bytes, int lane, bool write)
    {
        if (address > int.MaxValue || (long)address + bytes > warp.LocalBytes)
            throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {warp.LocalBytes} bytes of local memory");
        if ((address & (uint)(bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of local memory");
        return warp.Local + (long)lane * warp.LocalBytes + (long)address;
    }

    public static void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
    }
}

internal readonly unsafe struct ParameterSpace : ISpace
{
    public static byte* Find(Warp warp, ulong address, int bytes, int lane, bool write)
    {
        Launch launch = warp.Block.Launch;
        if (write) throw new KernelFaultException(PtxFaultKind.ReadOnly, lane, "a kernel's parameters are only to be read");
        if (address > int.MaxValue || (long)address + bytes > launch.ParameterBytes)
            throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {launch.ParameterBytes} bytes of parameters");
        if ((address & (uint)(bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of the parameters");
        return launch.Parameters + address;
    }

    public static void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
    }
}

/// <summary>Any space, told by the address.</summary>
internal readonly unsafe struct GenericSpace : ISpace
{
    public static byte* Find(Warp warp, ulong address, int bytes, int lane, bool write)
    {
        if (address - Windows.Shared < Windows.Size) return SharedSpace.Find(warp, address - Windows.Shared, bytes, lane, write);
        if (address - Windows.Local < Windows.Size) return LocalSpace.Find(warp, address - Windows.Local, bytes, lane, write);
        if (address - Windows.Parameter < Windows.Size) return ParameterSpace.Find(warp, address - Windows.Parameter, bytes, lane, write);
        return GlobalSpace.Find(warp, address, bytes, lane, write);
    }

    public static void Note(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        if (address - Windows.Shared < Windows.Size) SharedSpace.Note(warp, address - Windows.Shared, bytes, lane, kind);
        else if (address >= Windows.Global) GlobalSpace.Note(warp, address, bytes, lane, kind);
    }
}
