using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>
/// The head of a safetensors file: u64 length, then that many bytes of JSON that starts with '{': names → dtype, shape and data_offsets
/// [first, past the last) relative to its end, and optionally <c>__metadata__</c>, strings by name. Tensors cover the rest of the file without
/// holes or overlaps, and no key comes twice.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Most bytes of JSON that the format allows.</summary>
    public const long MaxLength = 100_000_000;

    /// <summary>Bytes of the length before the JSON.</summary>
    public const int LengthBytes = 8;

    private const string MetadataKey = "__metadata__";

    // An entry, or a string of metadata, takes at least this much in memory.
    private const int EntryBytes = 320;

    private SafetensorsHeader(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, byte[]> metadata, long end) => (Entries, Metadata, End) = (entries, metadata, end);

    /// <summary>The tensors, in the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>The metadata, UTF-8.</summary>
    public IReadOnlyDictionary<string, byte[]> Metadata { get; }

    /// <summary>Where the first tensor begins.</summary>
    public long End { get; }

    /// <summary>Reads and checks the head of a file.</summary>
    public static SafetensorsHeader Read(SourceBytes source, LoadBudget budget)
    {
        if (source.Length < LengthBytes + 2) throw new InvalidModelException($"{source.Length} bytes are too few for a safetensors file");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(source.Slice(0, LengthBytes));
        if (length is < 2 or > (ulong)MaxLength) throw new InvalidModelException($"a header of {length} bytes, expected 2 to {MaxLength}", null, 0);
        if ((long)length > source.Length - LengthBytes) throw new InvalidModelException($"a header of {length} bytes in a file of {source.Length}", null, 0);
        budget.Take((long)length, "the header");
        // A copy: a mapped file may change while it is parsed.
        byte[] text = source.Slice(LengthBytes, (int)length).ToArray();
        if (text[0] != '{') throw new InvalidModelException("the header does not start with '{'", null, LengthBytes);
        using var json = Json.Parse(text, budget, "the header");
        long end = LengthBytes + (long)length;
        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var p in json.RootElement.Members("the header"))
        {
            string name = p.Key();
            budget.Take(Checked.Add(EntryBytes, 2L * name.Length), "the header");
            if (name == MetadataKey) ReadMetadata(p.Value, metadata, budget);
            else entries.Add(Entry(name, p.Value, end, source.Length));
        }
        CheckOrder(entries, end, source.Length);
        return new(entries, metadata, end);
    }

    /// <summary>The bytes of a header for these tensors, its own length included, filled up with spaces so that tensors begin at a multiple of <paramref name="alignment"/>.</summary>
    /// <param name="metadata">Strings, UTF-8, in the order in which they are written.</param>
    /// <param name="entries">Tensors; here <see cref="SafetensorsEntry.Start"/> counts from the end of the header.</param>
    /// <param name="alignment">A power of two.</param>
    public static byte[] Write(IEnumerable<(string Key, ReadOnlyMemory<byte> Value)> metadata, IEnumerable<SafetensorsEntry> entries, int alignment)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(stackalloc byte[LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, value) in metadata) json.WriteString(key, value.Span);
            json.WriteEndObject();
            foreach (var e in entries)
            {
                json.WriteStartObject(e.Name);
                json.WriteString("dtype", e.Type);
                json.WriteShape("shape", e.Shape);
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(e.Start);
                json.WriteNumberValue(Checked.Add(e.Start, e.Length));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        byte[] header = new byte[Checked.AlignUp(buffer.WrittenCount, alignment)];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(buffer.WrittenCount).Fill((byte)' ');
        long length = header.Length - LengthBytes;
        if (length > MaxLength) throw new UnsupportedException($"the model's graph takes a header of {length} bytes; a safetensors file allows {MaxLength}");
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        return header;
    }

    private static void ReadMetadata(JsonElement e, Dictionary<string, byte[]> to, LoadBudget budget)
    {
        foreach (var p in e.Members(MetadataKey))
        {
            string key = p.Key();
            if (p.Value.ValueKind != JsonValueKind.String) throw new InvalidModelException($"metadata '{key}' is no string");
            // The text without its escapes, never longer than with them.
            var raw = JsonMarshal.GetRawUtf8Value(p.Value);
            budget.Take(Checked.Add(EntryBytes, Checked.Add(raw.Length, 2L * key.Length)), "metadata");
            var reader = new Utf8JsonReader(raw);
            reader.Read();
            byte[] text = new byte[raw.Length];
            try
            {
                to.Add(key, text[..reader.CopyString(text)]);
            }
            catch (InvalidOperationException x)
            {
                throw new InvalidModelException($"metadata '{key}' is no valid text", null, -1, x);
            }
        }
    }

    private static SafetensorsEntry Entry(string name, JsonElement e, long origin, long fileLength)
    {
        string type = e.Get("dtype").Text("dtype");
        if (!SafetensorsType.TryParse(type, out int bits, out var dtype)) throw new InvalidModelException($"tensor '{name}' has element type '{type}', which is not known");
        Shape shape;
        long stored;
        try
        {
            shape = e.Get("shape").Shape("shape");
            stored = Checked.Mul(shape.Elements, bits);
        }
        catch (SizeOverflowException x)
        {
            throw new InvalidModelException($"tensor '{name}': {x.Message}", null, -1, x);
        }
        var offsets = e.Get("data_offsets");
        if (offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2) throw new InvalidModelException($"tensor '{name}': data_offsets are two numbers");
        long start = offsets[0].Long("data_offsets"), end = offsets[1].Long("data_offsets");
        if (start < 0 || end < start || end > fileLength - origin) throw new InvalidModelException($"tensor '{name}' lies at {start} to {end} of {fileLength - origin} bytes");
        if (stored % 8 != 0 || stored / 8 != end - start) throw new InvalidModelException($"tensor '{name}': {type}{shape} takes {stored} bits, {end - start} bytes are given");
        return new(name, type, dtype, shape, origin + start, end - start);
    }

    private static void CheckOrder(List<SafetensorsEntry> entries, long at, long fileLength)
    {
        entries.Sort((a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : a.Length != b.Length ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(a.Name, b.Name));
        foreach (var e in entries)
        {
            if (e.Start != at) throw new InvalidModelException($"tensor '{e.Name}' begins at byte {e.Start}, expected {at}: tensors have no holes and no overlaps", null, at);
            at += e.Length;
        }
        if (at != fileLength) throw new InvalidModelException($"tensors end at byte {at} of {fileLength}", null, at);
    }
}
