using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Tensors;

/// <summary>A block of bytes at a fixed address, 64-byte aligned when the engine allocates it.</summary>
public abstract unsafe class TensorStorage
{
    private readonly byte* _pointer;
    private volatile Action? _beforeUse;

    /// <summary>First byte. Keep the storage alive while it is used.</summary>
    public byte* Pointer
    {
        get
        {
            if (_beforeUse is not null) Admit();
            return _pointer;
        }
        private protected init => _pointer = value;
    }

    /// <summary>Called when the content is first asked for, and again until it returns without an exception; may be called by several threads at once.</summary>
    private protected Action? BeforeUse { init => _beforeUse = value; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; private protected init; }

    /// <summary>Bytes [<paramref name="offset"/>, <paramref name="offset"/> + <paramref name="length"/>). Where the engine or a managed array owns the memory, the span alone keeps it alive.</summary>
    public Span<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return length == 0 ? default : MemoryMarshal.CreateSpan(ref Unsafe.AddByteOffset(ref First, (nint)offset), length);
    }

    /// <summary>The first byte as a reference that holds on to what owns it.</summary>
    private protected abstract ref byte First { get; }

    /// <summary>Allocates zeroed memory.</summary>
    public static TensorStorage Allocate(long bytes) => new OwnedStorage(bytes);

    /// <summary>Pins a caller's memory for as long as the storage lives.</summary>
    public static TensorStorage Pin<T>(Memory<T> memory) where T : unmanaged => new PinnedStorage<T>(memory, memory.Pin());

    /// <summary>
    /// Borrows memory that <paramref name="owner"/> keeps alive (a mapped file): spans over it do not. <paramref name="beforeUse"/> is called when the content
    /// is first asked for, and throws to refuse it.
    /// </summary>
    public static TensorStorage Borrow(byte* pointer, long length, object owner, Action? beforeUse = null) => new BorrowedStorage(pointer, length, owner, beforeUse);

    private void Admit()
    {
        _beforeUse?.Invoke();
        _beforeUse = null;
    }
}

/// <summary>
/// Memory of the pinned heap: it stays where it is, and a span over it keeps it alive as a span over an array does. Tensors are shared
/// freely, so nobody could tell when to free memory of another kind.
/// </summary>
internal sealed unsafe class OwnedStorage : TensorStorage
{
    // One cache line to align the first byte, and one behind the last: vector loads of a tail may read past the end, never past this slack.
    private const int Surplus = 2;

    private readonly CacheLine[] _lines;

    public OwnedStorage(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long lines = Checked.AlignUp(bytes, sizeof(CacheLine)) / sizeof(CacheLine) + Surplus;
        if (lines > Array.MaxLength) throw new MemoryLimitException($"cannot allocate {bytes} bytes");
        try
        {
            _lines = GC.AllocateArray<CacheLine>((int)lines, pinned: true);
        }
        catch (OutOfMemoryException e)
        {
            throw new MemoryLimitException($"cannot allocate {bytes} bytes: {e.Message}");
        }
        nuint first = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_lines)), mask = (nuint)sizeof(CacheLine) - 1;
        Pointer = (byte*)(first + mask & ~mask);
        Length = bytes;
        HugePages.Advise(Pointer, bytes);
    }

    private protected override ref byte First
    {
        get
        {
            ref byte data = ref Unsafe.As<CacheLine, byte>(ref MemoryMarshal.GetArrayDataReference(_lines));
            return ref Unsafe.AddByteOffset(ref data, (nint)(Pointer - (byte*)Unsafe.AsPointer(ref data)));
        }
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private readonly struct CacheLine;
}

internal sealed unsafe class BorrowedStorage : TensorStorage
{
    private readonly object _owner;

    public BorrowedStorage(byte* pointer, long length, object owner, Action? beforeUse)
    {
        (Length, _owner) = (length, owner);
        Pointer = pointer;
        BeforeUse = beforeUse;
    }

    private protected override ref byte First => ref *Pointer;

    public override string ToString() => $"borrowed from {_owner.GetType().Name}";
}

internal sealed unsafe class PinnedStorage<T> : TensorStorage where T : unmanaged
{
    private readonly Memory<T> _memory;
    private System.Buffers.MemoryHandle _handle;

    public PinnedStorage(Memory<T> memory, System.Buffers.MemoryHandle handle)
    {
        (_memory, _handle, Length) = (memory, handle, (long)memory.Length * sizeof(T));
        Pointer = (byte*)handle.Pointer;
    }

    private protected override ref byte First => ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(_memory.Span));

    ~PinnedStorage() => _handle.Dispose();
}
