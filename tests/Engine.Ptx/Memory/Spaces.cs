using System.Runtime.CompilerServices;
using Engine.Ptx.Machine;

namespace Engine.Ptx.Memory;

/// <summary>A state space: from an address to bytes, with all checks.</summary>
internal unsafe interface ISpace
{
    static abstract byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind);
}

internal readonly unsafe struct GlobalSpace : ISpace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        Launch launch = warp.Block.Launch;
        byte* data = kind is AccessKind.Read or AccessKind.StrongRead ? launch.Memory.Read(address, bytes, lane) : launch.Memory.Write(address, bytes, lane);
        if (launch.ChecksGlobal) launch.NoteGlobal(warp, lane, address, bytes, kind);
        return data;
    }
}

internal readonly unsafe struct SharedSpace : ISpace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        Block block = warp.Block;
        if (address + (ulong)bytes > (ulong)block.Launch.SharedBytes || address > int.MaxValue)
            throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {block.Launch.SharedBytes} bytes of shared memory");
        if ((address & (uint)(bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of shared memory");
        block.SharedShadow?.Access(warp, lane, (long)address, bytes, kind);
        return block.Shared + address;
    }
}

internal readonly unsafe struct LocalSpace : ISpace
{
    public static byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        if (address > int.MaxValue || (int)address + bytes > warp.LocalBytes)
            throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {warp.LocalBytes} bytes of local memory");
        if ((address & (uint)(bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of local memory");
        return warp.Local + (long)lane * warp.LocalBytes + (long)address;
    }
}

internal readonly unsafe struct ParameterSpace : ISpace
{
    public static byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        Launch launch = warp.Block.Launch;
        if (kind is not (AccessKind.Read or AccessKind.StrongRead)) throw new KernelFaultException(PtxFaultKind.ReadOnly, lane, "a kernel's parameters are only to be read");
        if (address > int.MaxValue || (int)address + bytes > launch.ParameterBytes)
            throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{bytes} bytes at {(long)address} of {launch.ParameterBytes} bytes of parameters");
        if ((address & (uint)(bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, $"{bytes} bytes at {address} of the parameters");
        return launch.Parameters + address;
    }
}

/// <summary>Any space, told by the address.</summary>
internal readonly unsafe struct GenericSpace : ISpace
{
    public static byte* Access(Warp warp, ulong address, int bytes, int lane, AccessKind kind)
    {
        if (address - Windows.Shared < Windows.Size) return SharedSpace.Access(warp, address - Windows.Shared, bytes, lane, kind);
        if (address - Windows.Local < Windows.Size) return LocalSpace.Access(warp, address - Windows.Local, bytes, lane, kind);
        if (address - Windows.Parameter < Windows.Size) return ParameterSpace.Access(warp, address - Windows.Parameter, bytes, lane, kind);
        return GlobalSpace.Access(warp, address, bytes, lane, kind);
    }
}
