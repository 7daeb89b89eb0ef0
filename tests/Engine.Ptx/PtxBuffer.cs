using System.Runtime.CompilerServices;
using Engine.Ptx.Memory;

namespace Engine.Ptx;

/// <summary>A stretch of the device's memory. Which of its bytes may be read and written is known byte by byte.</summary>
public sealed unsafe class PtxBuffer : IDisposable
{
    private readonly GlobalMemory _memory;
    private readonly byte[] _data;
    private readonly ulong[] _readable;
    private readonly ulong[] _writable;
    private readonly ulong[] _guarded;
    private readonly List<(long Offset, long Bytes, string Name)> _objects = [];
    private bool _disposed;

    internal PtxBuffer(GlobalMemory memory, long bytes, string name, bool written)
    {
        _memory = memory;
        Name = name;
        Bytes = bytes;
        int words = (int)(bytes / 64) + 1;
        _data = GC.AllocateArray<byte>((int)bytes + 16, pinned: true);
        _readable = GC.AllocateArray<ulong>(words, pinned: true);
        _writable = GC.AllocateArray<ulong>(words, pinned: true);
        _guarded = new ulong[words];
        Set(_writable, 0, bytes, true);
        Set(_readable, 0, bytes, written);
        Address = memory.Add(this, new BufferView
        {
            Data = (byte*)Unsafe.AsPointer(ref _data[0]),
            Bytes = bytes,
            Readable = (ulong*)Unsafe.AsPointer(ref _readable[0]),
            Writable = (ulong*)Unsafe.AsPointer(ref _writable[0]),
        });
    }

    /// <summary>The name in messages.</summary>
    public string Name { get; }

    /// <summary>Its size.</summary>
    public long Bytes { get; }

    /// <summary>The device address of its first byte: a multiple of 2³².</summary>
    public ulong Address { get; }

    /// <summary>Copies into the buffer; the bytes count as written.</summary>
    public void Upload(ReadOnlySpan<byte> source, long offset = 0)
    {
        Check(offset, source.Length);
        source.CopyTo(_data.AsSpan((int)offset));
        Set(_readable, offset, source.Length, true);
    }

    /// <summary>Copies out of the buffer.</summary>
    /// <exception cref="PtxFaultException">A byte that no one has written.</exception>
    public void Download(Span<byte> target, long offset = 0)
    {
        Check(offset, target.Length);
        long unwritten = FirstUnwritten(offset, target.Length);
        if (unwritten >= 0)
        {
            throw new PtxFaultException([new PtxFault(PtxFaultKind.Unwritten, "", "", 0, "download", 0, -1,
                $"byte {unwritten} of '{Name}' was never written (wanted: {target.Length} bytes from {offset})")]);
        }
        _data.AsSpan((int)offset, target.Length).CopyTo(target);
    }

    /// <summary>The first byte of a range that nobody has written, or -1.</summary>
    public long FirstUnwritten(long offset, long bytes)
    {
        Check(offset, bytes);
        for (long i = offset; i < offset + bytes; i++)
        {
            if ((i & 63) == 0 && i + 64 <= offset + bytes && _readable[i >> 6] == ulong.MaxValue) i += 63;
            else if ((_readable[i >> 6] >> (int)(i & 63) & 1) == 0) return i;
        }
        return -1;
    }

    /// <summary>Fills the range with bytes that count as written.</summary>
    public void Fill(byte value, long offset, long bytes)
    {
        Check(offset, bytes);
        _data.AsSpan((int)offset, (int)bytes).Fill(value);
        Set(_readable, offset, bytes, true);
    }

    /// <summary>Forgets that a range was ever written.</summary>
    public void Forget(long offset, long bytes)
    {
        Check(offset, bytes);
        Set(_readable, offset, bytes, false);
    }

    /// <summary>Makes a range a guard zone, which kernels may not touch, or gives it back, unwritten.</summary>
    public void Guard(long offset, long bytes, bool guarded = true)
    {
        Check(offset, bytes);
        Set(_guarded, offset, bytes, guarded);
        Set(_writable, offset, bytes, !guarded);
        Set(_readable, offset, bytes, false);
    }

    /// <summary>Lets kernels read a range and not write it, or write it again.</summary>
    public void Seal(long offset, long bytes, bool sealedRange = true)
    {
        Check(offset, bytes);
        Set(_writable, offset, bytes, !sealedRange);
    }

    /// <summary>Names a part of the buffer in messages, in place of parts of the same offset.</summary>
    public void NameObject(long offset, long bytes, string name)
    {
        Check(offset, bytes);
        lock (_objects)
        {
            _objects.RemoveAll(o => o.Offset == offset);
            _objects.Add((offset, bytes, name));
        }
    }

    /// <summary>Frees the addresses.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _memory.Remove(this);
    }

    internal Span<byte> Raw => _data.AsSpan(0, (int)Bytes);

    internal bool IsGuarded(long offset, int bytes)
    {
        for (long i = offset; i < offset + bytes; i++)
            if ((_guarded[i >> 6] >> (int)(i & 63) & 1) != 0) return true;
        return false;
    }

    internal string NameAt(ulong address) => ObjectAt(address) is { Name: { } name } ? $"{Name}/{name}" : Name;

    /// <summary>The first address of the named part that <paramref name="address"/> lies in.</summary>
    internal ulong AddressAt(ulong address) => Address + (ulong)(ObjectAt(address)?.Offset ?? 0);

    private (long Offset, string Name)? ObjectAt(ulong address)
    {
        long offset = (long)(address - Address);
        lock (_objects)
        {
            foreach ((long start, long bytes, string name) in _objects)
                if (offset >= start && offset < start + bytes) return (start, name);
        }
        return null;
    }

    private void Check(long offset, long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (offset < 0 || bytes < 0 || offset > Bytes - bytes)
            throw new PtxLaunchException($"bytes {offset} to {offset + bytes} of '{Name}', which has {Bytes}");
    }

    private static void Set(ulong[] bits, long offset, long bytes, bool on)
    {
        for (long i = offset; i < offset + bytes;)
        {
            int low = (int)(i & 63), count = (int)Math.Min(64 - low, offset + bytes - i);
            ulong mask = (count == 64 ? ulong.MaxValue : (1UL << count) - 1) << low;
            if (on) bits[i >> 6] |= mask;
            else bits[i >> 6] &= ~mask;
            i += count;
        }
    }
}
