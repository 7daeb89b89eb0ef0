using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Ptx.Memory;

/// <summary>A buffer as kernels see it. A bit a byte says what may be read and what may be written.</summary>
internal unsafe struct BufferView
{
    public byte* Data;
    public long Bytes;
    public ulong* Readable;
    public ulong* Writable;
}

/// <summary>The device's buffers, found by address.</summary>
internal sealed unsafe class GlobalMemory
{
    private const int MaxBuffers = 1 << 16;
    private readonly List<PtxBuffer?> _buffers = [];
    private readonly BufferView[] _views = GC.AllocateArray<BufferView>(MaxBuffers, pinned: true);
    private readonly BufferView* _view;

    public GlobalMemory() => _view = (BufferView*)Unsafe.AsPointer(ref _views[0]);

    /// <summary>Gives a new buffer its address.</summary>
    public ulong Add(PtxBuffer buffer, BufferView view)
    {
        if (_buffers.Count == MaxBuffers) throw new PtxLaunchException($"over {MaxBuffers} buffers");
        _view[_buffers.Count] = view;
        _buffers.Add(buffer);
        return Windows.Global + ((ulong)(_buffers.Count - 1) << 32);
    }

    public void Remove(PtxBuffer buffer)
    {
        int index = (int)((buffer.Address - Windows.Global) >> 32);
        _view[index] = default;
        _buffers[index] = null;
    }

    public IEnumerable<PtxBuffer> Buffers => _buffers.OfType<PtxBuffer>();

    /// <summary>The bytes at an address that may be read. <paramref name="bytes"/> is a power of two up to 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Read(ulong address, int bytes, int lane)
    {
        ulong at = address - Windows.Global;
        uint offset = (uint)at;
        BufferView* view = _view + (at >> 32);
        ulong mask = ((1UL << bytes) - 1) << (int)(offset & 63);
        if (at >> 32 >= MaxBuffers || offset + (long)bytes > view->Bytes || (offset & (bytes - 1)) != 0 || (view->Readable[offset >> 6] & mask) != mask)
            Fail(address, bytes, lane, write: false);
        return view->Data + offset;
    }

    /// <summary>The bytes at an address that may be written; they count as written from now on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Write(ulong address, int bytes, int lane)
    {
        ulong at = address - Windows.Global;
        uint offset = (uint)at;
        BufferView* view = _view + (at >> 32);
        ulong mask = ((1UL << bytes) - 1) << (int)(offset & 63);
        if (at >> 32 >= MaxBuffers || offset + (long)bytes > view->Bytes || (offset & (bytes - 1)) != 0 || (view->Writable[offset >> 6] & mask) != mask)
            Fail(address, bytes, lane, write: true);
        if ((view->Readable[offset >> 6] & mask) != mask) Interlocked.Or(ref view->Readable[offset >> 6], mask);
        return view->Data + offset;
    }

    public long BytesAt(ulong address) => Find(address)?.Bytes ?? 0;

    public string NameAt(ulong address) => Find(address)?.Name ?? "";

    public PtxBuffer? Find(ulong address)
    {
        ulong index = (address - Windows.Global) >> 32;
        return index < (ulong)_buffers.Count ? _buffers[(int)index] : null;
    }

    /// <summary>The buffer's name and the place in it.</summary>
    public string Describe(ulong address) =>
        (uint)address >= 0x8000_0000 && Find(address + 0x8000_0000) is { } next ? $"0x{address:x}, {next.Address - address} bytes before '{next.Name}'"
        : Find(address) is { } buffer ? $"0x{address:x} = '{buffer.NameAt(address)}' + {address - buffer.AddressAt(address)}" : $"0x{address:x}, in no buffer";

    private void Fail(ulong address, int bytes, int lane, bool write)
    {
        string what = $"{(write ? "write" : "read")} of {bytes} bytes at {Describe(address)}";
        PtxBuffer? buffer = Find(address);
        long offset = (uint)(address - Windows.Global);
        if (buffer == null) throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, what);
        if (offset + bytes > buffer.Bytes) throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, offset < 0x8000_0000 ? $"{what}, which has {buffer.Bytes} bytes" : what);
        if ((offset & (bytes - 1)) != 0) throw new KernelFaultException(PtxFaultKind.Misaligned, lane, what);
        if (buffer.IsGuarded(offset, bytes)) throw new KernelFaultException(PtxFaultKind.OutOfBounds, lane, $"{what}, in a guard zone");
        throw new KernelFaultException(write ? PtxFaultKind.ReadOnly : PtxFaultKind.Unwritten, lane, write ? $"{what}, which is only to be read" : $"{what}, which nobody has written");
    }
}
