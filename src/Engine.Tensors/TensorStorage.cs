using System.Runtime.InteropServices;

namespace Engine.Tensors;

/// <summary>A block of bytes at a fixed address, 64-byte aligned when the engine allocates it.</summary>
public abstract unsafe class TensorStorage
{
    /// <summary>First byte.</summary>
    public byte* Pointer { get; private protected init; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; private protected init; }

    /// <summary>Allocates zeroed native memory.</summary>
    public static TensorStorage Allocate(long bytes) => new NativeStorage(bytes);

    /// <summary>Pins a caller's memory for as long as the storage lives.</summary>
    public static TensorStorage Pin<T>(Memory<T> memory) where T : unmanaged
    {
        var handle = memory.Pin();
        return new BorrowedStorage((byte*)handle.Pointer, (long)memory.Length * sizeof(T), new Pinned(handle));
    }

    /// <summary>Borrows memory that <paramref name="owner"/> keeps alive (a mapped file, a pinned array).</summary>
    public static TensorStorage Borrow(byte* pointer, long length, object owner) => new BorrowedStorage(pointer, length, owner);
}

/// <summary>Native memory, freed by the finalizer: tensors are shared freely, so no single owner could dispose it.</summary>
internal sealed unsafe class NativeStorage : TensorStorage
{
    // Vector loads of a tail may read past the end, never past this slack.
    private const int Slack = 64;

    public NativeStorage(long bytes)
    {
        nuint size = (nuint)Checked.Add(Math.Max(bytes, 1), Slack);
        try
        {
            Pointer = (byte*)NativeMemory.AlignedAlloc(size, 64);
        }
        catch (OutOfMemoryException e)
        {
            throw new MemoryLimitException($"cannot allocate {bytes} bytes: {e.Message}");
        }
        NativeMemory.Clear(Pointer, size);
        Length = bytes;
        if (bytes > 0) GC.AddMemoryPressure(bytes);
    }

    ~NativeStorage()
    {
        if (Pointer == null) return;
        NativeMemory.AlignedFree(Pointer);
        if (Length > 0) GC.RemoveMemoryPressure(Length);
    }
}

internal sealed unsafe class BorrowedStorage : TensorStorage
{
    private readonly object _owner;

    public BorrowedStorage(byte* pointer, long length, object owner)
    {
        Pointer = pointer;
        Length = length;
        _owner = owner;
    }

    public override string ToString() => $"borrowed from {_owner.GetType().Name}";
}

internal sealed class Pinned(System.Buffers.MemoryHandle handle)
{
    private System.Buffers.MemoryHandle _handle = handle;

    ~Pinned() => _handle.Dispose();
}
