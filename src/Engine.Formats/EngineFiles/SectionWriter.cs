using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>Collects the tensors of a file under unique names, lays them out, and writes them.</summary>
internal sealed unsafe class SectionWriter
{
    private readonly Dictionary<Tensor, string> _names = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal) { "__metadata__", EngineFormat.SealName };
    private readonly List<(string Name, Tensor Tensor, Tensor Stored)> _sections = [];

    /// <summary>The name under which a tensor is stored: <paramref name="wish"/> where it is free. A tensor used twice is stored once.</summary>
    public string Add(Tensor tensor, string wish)
    {
        if (_names.TryGetValue(tensor, out var name)) return name;
        if (wish.Length == 0 || wish.StartsWith(EngineFormat.PaddingPrefix, StringComparison.Ordinal)) wish = "tensor";
        name = wish;
        for (int i = 2; !_used.Add(name); i++) name = string.Create(CultureInfo.InvariantCulture, $"{wish}#{i}");
        _sections.Add((name, tensor, tensor.DType == DType.String ? Strings(tensor) : tensor));
        return _names[tensor] = name;
    }

    /// <summary>The section table: name → checksum, and type and shape where the stored ones are others.</summary>
    public void WriteTable(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (name, tensor, stored) in _sections)
        {
            json.WriteStartObject(name);
            json.WriteString("crc32c", Crc32C.Of(stored.Pointer, stored.ByteLength).ToString("x8", CultureInfo.InvariantCulture));
            if (SafetensorsType.NameOf(tensor.DType) is null)
            {
                json.WriteString("dtype", tensor.DType.Display());
                json.WriteShape("shape", tensor.Shape);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    /// <summary>Tensors with padding between, and the seal; the second is the length of all.</summary>
    public (List<SafetensorsEntry> Entries, long Length) Layout()
    {
        var entries = new List<SafetensorsEntry>();
        long at = 0;
        int padding = 0;
        foreach (var (name, tensor, stored) in _sections)
        {
            string? type = SafetensorsType.NameOf(tensor.DType);
            Append(name, type ?? "U8", type is null ? new Shape(stored.ByteLength) : tensor.Shape, stored.ByteLength);
            long gap = Checked.AlignUp(at, EngineFormat.Alignment) - at;
            if (gap > 0) Append(string.Create(CultureInfo.InvariantCulture, $"{EngineFormat.PaddingPrefix}{padding++}"), "U8", new Shape(gap), gap);
        }
        Append(EngineFormat.SealName, "U8", new Shape(Seal.Length), Seal.Length);
        return (entries, at);

        void Append(string name, string type, Shape shape, long bytes)
        {
            entries.Add(new(name, type, DType.Undefined, shape, at, bytes));
            at = Checked.Add(at, bytes);
        }
    }

    /// <summary>Writes the content of the tensors and their padding.</summary>
    public void WriteContent(Stream to)
    {
        Span<byte> zeros = stackalloc byte[EngineFormat.Alignment];
        zeros.Clear();
        foreach (var (_, _, stored) in _sections)
        {
            long length = stored.ByteLength;
            for (long at = 0; at < length;)
            {
                int n = (int)Math.Min(length - at, 1 << 24);
                to.Write(new ReadOnlySpan<byte>(stored.Pointer + at, n));
                at += n;
            }
            to.Write(zeros[..(int)(Checked.AlignUp(length, EngineFormat.Alignment) - length)]);
            GC.KeepAlive(stored);
        }
    }

    /// <summary>Strings as bytes: for n strings n + 1 u64 offsets, counted from the first byte of text, then the text in UTF-8.</summary>
    private static Tensor Strings(Tensor t)
    {
        byte[][] texts = [.. t.Strings.Select(Encoding.UTF8.GetBytes)];
        int head = Checked.Int(Checked.Mul(texts.Length + 1L, sizeof(ulong)));
        var bytes = new byte[Checked.Int(Checked.Add(head, texts.Sum(x => (long)x.Length)))];
        int at = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i].CopyTo(bytes, head + at);
            at += texts[i].Length;
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan((i + 1) * sizeof(ulong)), at);
        }
        return Tensor.Vector<byte>(bytes);
    }
}
