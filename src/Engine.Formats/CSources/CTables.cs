using Engine.Tensors;

namespace Engine.Formats.CSources;

/// <summary>
/// What a generated C source of weights defines: tables of 8-bit numbers, <c>static const T name[n] = {1, -2};</c>, and records of names and numbers,
/// <c>const T name = {&amp;table, 3, SOME_NAME};</c>. Anything else is refused, with its place.
/// </summary>
internal sealed class CTables
{
    private const int MaxWords = 6, MaxFields = 32;

    private readonly Dictionary<string, sbyte[]> _tables = [];
    private readonly Dictionary<string, CRecord> _records = [];

    private CTables(string? file) => File = file;

    /// <summary>The file, for messages.</summary>
    public string? File { get; }

    public IEnumerable<CRecord> Records => _records.Values;

    public sbyte[] Table(string name) => _tables.TryGetValue(name, out var t) ? t : throw new InvalidModelException($"there is no table '{name}'", File);

    public CRecord Record(string name) => _records.TryGetValue(name, out var r) ? r : throw new InvalidModelException($"there is no record '{name}'", File);

    public static CTables Parse(ReadOnlySpan<byte> text, string? file)
    {
        var all = new CTables(file);
        var c = new CCursor(text, file);
        while (!c.AtEnd) all.Declaration(ref c);
        return all;
    }

    private void Declaration(ref CCursor c)
    {
        string type = "", name = c.Name("a declaration");
        for (int words = 1; c.AtName; words++)
        {
            if (words == MaxWords) throw c.Fail($"a declaration has more than {MaxWords} words");
            (type, name) = (name, c.Name("a name"));
        }
        if (_tables.ContainsKey(name) || _records.ContainsKey(name)) throw c.Fail($"'{name}' is defined twice");
        bool isTable = c.Try('[');
        int length = isTable ? c.Number($"the length of '{name}'") : 0;
        if (isTable) c.Expect(']', $"after the length of '{name}'");
        c.Expect('=', $"after '{name}'");
        c.Expect('{', $"before the content of '{name}'");
        if (isTable) _tables[name] = Numbers(ref c, name, length);
        else _records[name] = new(type, name, Fields(ref c, name));
        c.Expect(';', $"after '{name}'");
    }

    private static sbyte[] Numbers(ref CCursor c, string name, int length)
    {
        // As the numbers come: the length that stands there is only compared.
        var values = new List<sbyte>();
        while (!c.Try('}'))
        {
            if (values.Count == length) throw c.Fail($"'{name}' holds more than the {length} numbers that it states");
            int v = c.Number($"number {values.Count} of '{name}'");
            values.Add(v is >= sbyte.MinValue and <= sbyte.MaxValue ? (sbyte)v : throw c.Fail($"number {values.Count} of '{name}' is {v}, expected -128 to 127"));
            if (c.Try(',')) continue;
            c.Expect('}', $"after number {values.Count - 1} of '{name}'");
            break;
        }
        return values.Count == length ? [.. values] : throw c.Fail($"'{name}' holds {values.Count} numbers, it states {length}");
    }

    private static List<CField> Fields(ref CCursor c, string name)
    {
        var fields = new List<CField>();
        while (!c.Try('}'))
        {
            if (fields.Count == MaxFields) throw c.Fail($"'{name}' has more than {MaxFields} fields");
            bool isReference = c.Try('&');
            fields.Add(isReference || c.AtName ? new(c.Name($"field {fields.Count} of '{name}'"), 0) : new(null, c.Number($"field {fields.Count} of '{name}'")));
            if (c.Try(',')) continue;
            c.Expect('}', $"after field {fields.Count - 1} of '{name}'");
            break;
        }
        return fields;
    }
}

/// <summary>A record of a type.</summary>
internal sealed record CRecord(string Type, string Name, IReadOnlyList<CField> Fields);

/// <summary>A name, or a number where it is null.</summary>
internal readonly record struct CField(string? Name, int Number);
