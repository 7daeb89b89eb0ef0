using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>The tensors of an engine file: checks header, table, padding and seal, and the content now or when it is first used.</summary>
internal sealed unsafe class SectionReader
{
    // Sections of up to this many bytes are always checked at load.
    private const long SmallSection = 64 << 10;

    // What a tensor, and a string of one, take in memory beside their content.
    private const int TensorBytes = 768, StringBytes = 32;

    private readonly SafetensorsFile _file;
    private readonly bool _verify;
    private readonly Dictionary<string, Section> _sections = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    public SectionReader(SafetensorsFile file, JsonElement table, bool verify)
    {
        (_file, _verify) = (file, verify);
        var source = file.Source;
        if (file.Entries is not [.., { Name: EngineFormat.SealName, Type: "U8", Length: Seal.Length } seal]) throw new InvalidModelException("the file has no seal: it is cut short or damaged");
        Seal.Check(source.Slice(seal.Start, Seal.Length), source.Slice(0, Checked.Int(file.Header.End)), source.Length);
        foreach (var p in table.Members("sections")) AddSection(p.Key(), p.Value);
        foreach (var e in file.Entries) CheckEntry(e);
        if (verify) foreach (var s in _sections.Values) Check(s);
    }

    /// <summary>The sections, in the order of their bytes.</summary>
    public IReadOnlyList<Section> Sections => [.. _sections.Values.OrderBy(s => s.Entry.Start)];

    /// <summary>The tensor of a section; the same object each time.</summary>
    public Tensor Read(string name)
    {
        if (_tensors.TryGetValue(name, out var t)) return t;
        var s = _sections.GetValueOrDefault(name) ?? throw new InvalidModelException($"there is no tensor '{name}'");
        _file.Budget.Take(TensorBytes, $"tensor '{name}'");
        return _tensors[name] = Read(s);
    }

    private Tensor Read(Section s)
    {
        var e = s.Entry;
        bool later = !_verify && e.Length > SmallSection;
        if (s.DType is DType.String or DType.Bool)
        {
            if (later) Check(s);
            return s.DType == DType.String ? Strings(s) : Booleans(s);
        }
        if (!later)
        {
            if (!_verify) Check(s);
            if (_file.Source.View(s.DType, s.Shape, e.Start) is { } view) return view;
        }
        var source = _file.Source;
        return new Tensor(s.DType, s.Shape, TensorStorage.Borrow(source.Storage.Pointer + e.Start, e.Length, source, later ? () => Check(s) : null));
    }

    private Tensor Booleans(Section s)
    {
        if (s.Entry.Length > 0 && Bytes(s).ContainsAnyExceptInRange((byte)0, (byte)1)) throw new InvalidModelException($"tensor '{s.Entry.Name}' has booleans other than 0 and 1", null, s.Entry.Start);
        return _file.Source.View(s.DType, s.Shape, s.Entry.Start)!;
    }

    private Tensor Strings(Section s)
    {
        var bytes = Bytes(s);
        int count = s.Shape.Count;
        long head = Checked.Mul(count + 1L, sizeof(ulong));
        if (head > bytes.Length) throw Fault();
        var text = bytes[(int)head..];
        _file.Budget.Take(Checked.Add(Checked.Mul(count, StringBytes), 2L * text.Length), $"tensor '{s.Entry.Name}'");
        var strings = new string[count];
        ulong from = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (from != 0) throw Fault();
        for (int i = 0; i < count; i++)
        {
            ulong to = BinaryPrimitives.ReadUInt64LittleEndian(bytes[((i + 1) * sizeof(ulong))..]);
            if (to < from || to > (ulong)text.Length) throw Fault();
            strings[i] = Encoding.UTF8.GetString(text[(int)from..(int)to]);
            from = to;
        }
        if (from != (ulong)text.Length) throw Fault();
        return new Tensor(s.Shape, strings);

        InvalidModelException Fault() => new($"tensor '{s.Entry.Name}': offsets of strings do not fit {s.Entry.Length} bytes", null, s.Entry.Start);
    }

    private void AddSection(string name, JsonElement e)
    {
        var entry = _file.Find(name) ?? throw new InvalidModelException($"section '{name}' is not in the file");
        string crc = e.Get("crc32c").Text("crc32c");
        if (crc.Length != 8 || !uint.TryParse(crc, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint sum)) throw new InvalidModelException($"section '{name}': checksum '{crc}' is not eight hexadecimal digits");
        var (dtype, shape) = (entry.DType, entry.Shape);
        if (e.Find("dtype") is { } d)
        {
            (dtype, shape) = (EngineFormat.ParseDType(d.Text("dtype")), e.Get("shape").Shape("shape"));
            if (entry.Type != "U8") throw new InvalidModelException($"section '{name}' of {dtype.Display()} is stored as {entry.Type}, expected U8");
            if (dtype != DType.String && dtype.ByteCount(shape.Elements) != entry.Length) throw new InvalidModelException($"section '{name}': {dtype.Display()}{shape} takes {dtype.ByteCount(shape.Elements)} bytes, {entry.Length} are given");
        }
        if (dtype == DType.Undefined) throw new InvalidModelException($"section '{name}' has element type {entry.Type}, which is not supported");
        if (entry.Start % EngineFormat.Alignment != 0) throw new InvalidModelException($"section '{name}' is not aligned to {EngineFormat.Alignment} bytes", null, entry.Start);
        _sections.Add(name, new Section(entry, dtype, shape, sum));
    }

    private void CheckEntry(SafetensorsEntry e)
    {
        if (_sections.ContainsKey(e.Name) || e.Name == EngineFormat.SealName) return;
        if (!e.Name.StartsWith(EngineFormat.PaddingPrefix, StringComparison.Ordinal)) throw new InvalidModelException($"tensor '{e.Name}' has no checksum", null, e.Start);
        if (e.Length >= EngineFormat.Alignment || _file.Source.Slice(e.Start, (int)e.Length).ContainsAnyExcept((byte)0)) throw new InvalidModelException($"padding '{e.Name}' is not fewer than {EngineFormat.Alignment} zero bytes", null, e.Start);
    }

    private ReadOnlySpan<byte> Bytes(Section s) => _file.Source.Slice(s.Entry.Start, Checked.Int(s.Entry.Length));

    private void Check(Section s)
    {
        uint actual = Crc32C.Of(_file.Source.Storage.Pointer + s.Entry.Start, s.Entry.Length);
        GC.KeepAlive(_file);
        if (actual != s.Crc32C)
            throw new InvalidModelException(string.Create(CultureInfo.InvariantCulture, $"section '{s.Entry.Name}' of {s.Entry.Length} bytes has checksum {actual:x8}, expected {s.Crc32C:x8}: the file is damaged"), _file.Path, s.Entry.Start);
    }
}
