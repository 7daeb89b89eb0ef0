using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Engine.Tensors;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>
/// The bytes of a file at a fixed address, read or mapped. Tensors that lie in it whole and aligned are views of it and keep it alive;
/// a mapping ends when the last of them is collected.
/// </summary>
internal sealed unsafe class SourceBytes
{
    // Kernels may load a vector past the end of a tensor; a tensor must not end closer than this to unreadable memory.
    private const int Slack = 64;

    // Bytes of a tensor that is not copied only to be aligned.
    private const long FromAnyAddress = 4096;

    private readonly long _readable;

    private SourceBytes(TensorStorage storage, long readable, string? name) => (Storage, _readable, Name) = (storage, readable, name);

    /// <summary>The memory.</summary>
    public TensorStorage Storage { get; }

    /// <summary>The file, for messages.</summary>
    public string? Name { get; }

    /// <summary>Length in bytes.</summary>
    public long Length => Storage.Length;

    /// <summary>A part as a span.</summary>
    public ReadOnlySpan<byte> Slice(long start, int length) =>
        start < 0 || length < 0 || start > Length - length ? throw new InvalidModelException($"bytes {start} to {start + length} are outside the file", Name) : new(Storage.Pointer + start, length);

    /// <summary>
    /// A tensor that is a view of these bytes, or null where it must be a copy: too near the end, or not aligned to elements. Large tensors
    /// need no alignment where vectors load from any address: they are packed for kernels anyway, and a copy would cost more than the loads.
    /// </summary>
    public Tensor? View(DType dtype, Shape shape, long start)
    {
        int size = dtype is DType.C64 or DType.C128 ? dtype.BitWidth() / 16 : Math.Max(1, dtype.BitWidth() / 8);
        long bytes = dtype.ByteCount(shape.Elements);
        bool fits = ((nuint)Storage.Pointer + (nuint)start) % (nuint)size == 0 || bytes >= FromAnyAddress && RuntimeInformation.ProcessArchitecture is (Architecture.X64 or Architecture.Arm64);
        return fits && start <= _readable - Slack - bytes ? new Tensor(dtype, shape, Storage, start) : null;
    }

    /// <summary>A copy of <paramref name="bytes"/>.</summary>
    public static SourceBytes Copy(ReadOnlySpan<byte> bytes, string? name)
    {
        var storage = TensorStorage.Allocate(bytes.Length);
        bytes.CopyTo(new Span<byte>(storage.Pointer, bytes.Length));
        return Allocated(storage, name);
    }

    /// <summary>A stream read to its end; no more than <paramref name="limit"/> bytes.</summary>
    public static SourceBytes Read(Stream stream, long limit, string? name)
    {
        var chunks = new List<byte[]>();
        long length = 0;
        for (int size = 4096; ; size = Math.Min(2 * size, 1 << 24))
        {
            var chunk = new byte[size];
            int n = stream.ReadAtLeast(chunk, size, throwOnEndOfStream: false);
            length += n;
            if (length > limit) throw new MemoryLimitException($"{name ?? "the stream"} is longer than {limit} bytes");
            chunks.Add(chunk);
            if (n < size) break;
        }
        var storage = TensorStorage.Allocate(length);
        long at = 0;
        foreach (var c in chunks)
        {
            int n = (int)Math.Min(c.Length, length - at);
            c.AsSpan(0, n).CopyTo(new Span<byte>(storage.Pointer + at, n));
            at += n;
        }
        return Allocated(storage, name);
    }

    /// <summary>A model's file, mapped when it has at least <paramref name="mapFrom"/> bytes, else read; <paramref name="check"/> sees its length first.</summary>
    public static SourceBytes Open(string path, long mapFrom, Action<long>? check = null)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            check?.Invoke(RandomAccess.GetLength(handle));
            return Open(handle, path, mapFrom);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InvalidModelException($"cannot be read: {e.Message}", path, -1, e);
        }
    }

    /// <summary>An open file: mapped when it has at least <paramref name="mapFrom"/> bytes, else read. The handle stays the caller's.</summary>
    public static SourceBytes Open(SafeFileHandle handle, string name, long mapFrom)
    {
        long length = RandomAccess.GetLength(handle);
        if (length >= Math.Max(1, mapFrom)) return Map(handle, length, name);
        var storage = TensorStorage.Allocate(length);
        for (long at = 0; at < length;)
        {
            int n = RandomAccess.Read(handle, new Span<byte>(storage.Pointer + at, (int)Math.Min(length - at, 1 << 30)), at);
            if (n == 0) throw new InvalidModelException($"ended after {at} of {length} bytes while it was read", name, at);
            at += n;
        }
        return Allocated(storage, name);
    }

    private static SourceBytes Map(SafeFileHandle handle, long length, string name)
    {
        using var file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        var mapping = new Mapping(file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read));
        // The rest of the last page reads as zeros.
        return new(TensorStorage.Borrow(mapping.Pointer, length, mapping), Checked.AlignUp(length, Environment.SystemPageSize), name);
    }

    private static SourceBytes Allocated(TensorStorage storage, string? name) => new(storage, Checked.Add(storage.Length, Slack), name);

    /// <summary>Keeps a view mapped until the last storage that borrows it is collected.</summary>
    private sealed class Mapping
    {
        private readonly MemoryMappedViewAccessor _view;

        public Mapping(MemoryMappedViewAccessor view)
        {
            _view = view;
            byte* p = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref p);
            Pointer = p + view.PointerOffset;
        }

        public byte* Pointer { get; }

        ~Mapping()
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
    }
}
