using System.Buffers.Binary;
using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>An open safetensors file: named tensors and metadata. Large files are mapped; tensors are views of them where they lie aligned.</summary>
public sealed class SafetensorsFile
{
    /// <summary>Bytes that tell a safetensors file from others.</summary>
    internal const int PrefixLength = SafetensorsHeader.LengthBytes + 1;

    // What a tensor takes in memory beside its content.
    private const int TensorBytes = 512;

    private readonly SourceBytes _source;
    private readonly LoadBudget _budget;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(SourceBytes source, SafetensorsHeader header, LoadBudget budget)
    {
        (_source, _budget, Header) = (source, budget, header);
        _byName = header.Entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
    }

    /// <summary>The file, or null for one in memory.</summary>
    public string? Path => _source.Name;

    /// <summary>Length of the file in bytes.</summary>
    public long Length => _source.Length;

    /// <summary>The tensors, in the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => Header.Entries;

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => field ??= Header.Metadata.ToDictionary(p => p.Key, p => Encoding.UTF8.GetString(p.Value), StringComparer.Ordinal);

    internal SafetensorsHeader Header { get; }

    internal SourceBytes Source => _source;

    internal LoadBudget Budget => _budget;

    /// <summary>Opens a file and checks its header. Throws <see cref="InvalidModelException"/> or <see cref="MemoryLimitException"/>.</summary>
    public static SafetensorsFile Open(string path, ModelReadOptions? options = null) => Open(SourceBytes.Open(path, (options ?? new()).MapFrom), options);

    /// <summary>Opens a copy of the bytes; <paramref name="name"/> serves messages.</summary>
    public static SafetensorsFile Open(ReadOnlyMemory<byte> bytes, ModelReadOptions? options = null, string? name = null) => Open(SourceBytes.Copy(bytes.Span, name), options);

    /// <summary>The tensor's entry, or null.</summary>
    public SafetensorsEntry? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A tensor's content. Throws for a name the file lacks and for a type the engine does not know.</summary>
    public unsafe Tensor Read(string name)
    {
        var e = Find(name) ?? throw new InvalidModelException($"has no tensor '{name}'", Path);
        if (e.DType == DType.Undefined) throw new UnsupportedException($"{Path}: tensor '{name}' has element type {e.Type}, which is not supported");
        _budget.Take(TensorBytes, $"tensor '{name}'");
        // A byte of a boolean that is neither 0 nor 1 must not reach a kernel.
        if (e.DType != DType.Bool && _source.View(e.DType, e.Shape, e.Start) is { } view) return view;
        _budget.Take(e.Length, $"tensor '{name}'");
        var t = Tensor.Allocate(e.DType, e.Shape);
        Buffer.MemoryCopy(_source.Storage.Pointer + e.Start, t.Pointer, e.Length, e.Length);
        if (e.DType == DType.Bool) foreach (ref byte b in t.Bytes) b = (byte)(b == 0 ? 0 : 1);
        GC.KeepAlive(_source);
        return t;
    }

    internal static SafetensorsFile Open(SourceBytes source, ModelReadOptions? options)
    {
        var budget = LoadBudget.For(source.Length, options?.MaxMemory);
        try
        {
            return new(source, SafetensorsHeader.Read(source, budget), budget);
        }
        catch (InvalidModelException e) when (e.File is null && source.Name is not null)
        {
            throw new InvalidModelException(e.Detail, source.Name, e.Offset, e);
        }
    }

    /// <summary>True when a file begins as safetensors files do; false too when it cannot be read.</summary>
    internal static bool IsOne(string path)
    {
        try
        {
            using var f = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            Span<byte> head = stackalloc byte[PrefixLength];
            return RandomAccess.Read(f, head, 0) == head.Length && IsOne(head, RandomAccess.GetLength(f));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>True when bytes begin as safetensors files do. No ONNX model does: its fifth to eighth bytes would be fields of number 0.</summary>
    internal static bool IsOne(ReadOnlySpan<byte> head, long length) =>
        head.Length >= PrefixLength && BinaryPrimitives.ReadUInt64LittleEndian(head) is >= 2 and <= (ulong)SafetensorsHeader.MaxLength and var n && (long)n <= length - SafetensorsHeader.LengthBytes && head[SafetensorsHeader.LengthBytes] == '{';
}
