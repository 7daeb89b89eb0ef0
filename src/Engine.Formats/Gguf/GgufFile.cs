using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Gguf;

/// <summary>
/// A GGUF file, versions 2 and 3, little-endian: metadata and tensors (ggml, docs/gguf.md). It holds no graph.
/// Nothing in the bytes is trusted: sizes are computed with overflow checks and compared with the file before anything is allocated.
/// </summary>
public sealed class GgufFile
{
    private const uint Magic = 0x46554747, Swapped = 0x47475546;
    private const int DefaultAlignment = 32, MaxAlignment = 1 << 20, MaxDims = 4, MaxName = 1 << 16;
    // Each costs some 200 bytes of memory for at least 13 and 24 of the file.
    private const int MaxKeys = 1 << 16, MaxTensors = 1 << 18;

    private readonly Dictionary<string, object> _metadata = [];
    private readonly Dictionary<string, GgufTensor> _byName = [];
    private readonly List<GgufTensor> _tensors = [];

    private GgufFile(SourceBytes source)
    {
        var c = new GgufCursor(source);
        Length = source.Length;
        ReadVersion(c);
        long tensors = c.Count("number of tensors", 24, MaxTensors), keys = c.Count("number of metadata entries", 13, MaxKeys);
        for (long i = 0; i < keys; i++)
        {
            long at = c.Position;
            string key = c.String("a key", MaxName);
            if (!_metadata.TryAdd(key, c.Value(c.U32($"type of '{key}'"), key))) throw c.Fail($"the key '{key}' stands twice", at);
        }
        Alignment = ReadAlignment(c);
        var infos = new List<(string Name, GgufType Type, Shape Shape, long Offset, long At)>();
        for (long i = 0; i < tensors; i++) infos.Add(ReadInfo(c));
        long data = Math.Min(source.Length, Checked.AlignUp(c.Position, Alignment));
        foreach (var (name, type, shape, offset, at) in infos) Add(c, new(name, type, shape, source, data + offset), offset, source.Length - data, at);
        RefuseOverlaps(c, infos);
    }

    /// <summary>Version of the format.</summary>
    public int Version { get; private set; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Bytes that tensors are aligned to.</summary>
    public int Alignment { get; }

    /// <summary>
    /// Metadata: numbers, booleans and strings as such; arrays as arrays of the element type, lists of strings as
    /// <see cref="IReadOnlyList{T}"/> of strings.
    /// </summary>
    public IReadOnlyDictionary<string, object> Metadata => _metadata;

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>The tensor of a name, or null.</summary>
    public GgufTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Opens a file. Throws <see cref="InvalidModelException"/> with the byte at fault, or <see cref="UnsupportedException"/>.</summary>
    public static GgufFile Open(string path, ModelReadOptions? options = null)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return Read(SourceBytes.Open(handle, path, (options ?? new()).MapFrom));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InvalidModelException($"cannot be read: {e.Message}", path, -1, e);
        }
    }

    /// <summary>Reads a copy of the bytes; <paramref name="name"/> serves messages.</summary>
    public static GgufFile Read(ReadOnlyMemory<byte> bytes, string? name = null) => Read(SourceBytes.Copy(bytes.Span, name));

    /// <summary>True for a file that begins as GGUF files do; false where it cannot be read.</summary>
    public static bool IsOne(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            Span<byte> start = stackalloc byte[sizeof(uint)];
            return RandomAccess.Read(handle, start, 0) == start.Length && BinaryPrimitives.ReadUInt32LittleEndian(start) == Magic;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    private static GgufFile Read(SourceBytes source)
    {
        try
        {
            return new(source);
        }
        catch (SizeOverflowException e)
        {
            throw new InvalidModelException(e.Message, source.Name, -1, e);
        }
    }

    private void ReadVersion(GgufCursor c)
    {
        uint magic = c.U32("the magic number");
        if (magic == Swapped) throw new UnsupportedException("a big-endian GGUF file is not read");
        if (magic != Magic) throw c.Fail("is no GGUF file: it does not begin with 'GGUF'", 0);
        uint version = c.U32("the version");
        if (version is not (2 or 3)) throw c.Fail($"GGUF version {version} is not read, only 2 and 3", 4);
        Version = (int)version;
    }

    private int ReadAlignment(GgufCursor c)
    {
        if (!_metadata.TryGetValue("general.alignment", out object? value)) return DefaultAlignment;
        return value is uint a and > 0 and <= MaxAlignment && a % 8 == 0 ? (int)a : throw c.Fail($"general.alignment is {value}, expected a multiple of 8 up to {MaxAlignment} (u32)");
    }

    private static (string, GgufType, Shape, long, long) ReadInfo(GgufCursor c)
    {
        long at = c.Position;
        string name = c.String("a tensor's name", MaxName);
        uint rank = c.U32($"rank of '{name}'");
        if (rank > MaxDims) throw c.Fail($"tensor '{name}' has {rank} dimensions, expected at most {MaxDims}", at);
        var dims = new long[rank];
        for (int i = 0; i < rank; i++)
        {
            ulong d = c.U64($"dimensions of '{name}'");
            // The file lists the innermost dimension first.
            dims[rank - 1 - i] = d <= long.MaxValue ? (long)d : throw c.Fail($"tensor '{name}' has a dimension of {d}", at);
        }
        var type = (GgufType)c.U32($"type of '{name}'");
        ulong offset = c.U64($"offset of '{name}'");
        if (type.BlockElements() == 0) throw c.Fail($"tensor '{name}' has an unknown type {(uint)type}", at);
        var shape = new Shape(dims);
        if (shape.Elements > 0 && rank > 0 && dims[^1] % type.BlockElements() != 0) throw c.Fail($"tensor '{name}' has rows of {dims[^1]} elements, which blocks of {type.BlockElements()} of type {type} do not fill", at);
        if (rank == 0 && type.BlockElements() != 1) throw c.Fail($"tensor '{name}' is one element of type {type}, whose blocks have {type.BlockElements()}", at);
        return (name, type, shape, offset <= long.MaxValue ? (long)offset : throw c.Fail($"tensor '{name}' lies at offset {offset}", at), at);
    }

    private void Add(GgufCursor c, GgufTensor t, long offset, long room, long at)
    {
        if (offset % Alignment != 0) throw c.Fail($"tensor '{t.Name}' lies at offset {offset}, which is no multiple of {Alignment}", at);
        if (offset > room || t.Bytes > room - offset) throw c.Fail($"tensor '{t.Name}' takes {t.Bytes} bytes at offset {offset}; the file has {room} bytes of tensors", at);
        if (!_byName.TryAdd(t.Name, t)) throw c.Fail($"the tensor '{t.Name}' stands twice", at);
        _tensors.Add(t);
    }

    private void RefuseOverlaps(GgufCursor c, List<(string Name, GgufType Type, Shape Shape, long Offset, long At)> infos)
    {
        long end = 0;
        string? last = null;
        foreach (var (name, _, _, offset, at) in infos.OrderBy(i => i.Offset))
        {
            long bytes = _byName[name].Bytes;
            if (bytes == 0) continue;
            if (offset < end) throw c.Fail($"tensor '{name}' at offset {offset} overlaps '{last}', which ends at {end}", at);
            (end, last) = (offset + bytes, name);
        }
    }
}
