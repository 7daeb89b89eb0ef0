using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Engine.Tensors;

namespace Engine.Formats;

/// <summary>Reads JSON that nobody vouches for: bounded memory and depth, no key twice, and an <see cref="InvalidModelException"/> that names the key for whatever is missing or of another kind.</summary>
internal static class Json
{
    // Rows of the parser's table, which doubles as it grows.
    private const int TokenBytes = 24;

    // A graph inside a graph takes five levels; subgraphs nest to 64.
    private const int MaxDepth = 400;

    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    private static readonly SearchValues<byte> s_structure = SearchValues.Create(",:[{\""u8);

    /// <summary>Parses UTF-8 text; its memory is counted before it is taken.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, LoadBudget budget, string what)
    {
        if (!Utf8.IsValid(utf8.Span)) throw new InvalidModelException($"{what} is not UTF-8");
        budget.Take(Checked.Add(Checked.Mul(CountTokens(utf8.Span), TokenBytes), utf8.Length), what);
        try
        {
            return JsonDocument.Parse(utf8, s_options);
        }
        // A key with half a surrogate pair cannot be compared with the others.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidModelException($"{what} is not valid JSON: {e.Message}", null, -1, e);
        }
    }

    // At least as many as the parser will make of the text, valid or not.
    private static long CountTokens(ReadOnlySpan<byte> text)
    {
        long tokens = 2;
        for (bool quoted = false; ;)
        {
            int i = quoted ? text.IndexOfAny((byte)'"', (byte)'\\') : text.IndexOfAny(s_structure);
            if (i < 0) return tokens;
            byte c = text[i];
            if (c == '"') quoted = !quoted;
            else if (c == '\\') i++;
            else tokens += c is (byte)'[' or (byte)'{' ? 2 : 1;
            if (i + 1 >= text.Length) return tokens;
            text = text[(i + 1)..];
        }
    }

    /// <summary>A value that must be there.</summary>
    public static JsonElement Get(this JsonElement o, string key) => o.Find(key) ?? throw new InvalidModelException($"'{key}' is missing");

    /// <summary>A value that may be left out.</summary>
    public static JsonElement? Find(this JsonElement o, string key) =>
        o.ValueKind != JsonValueKind.Object ? throw new InvalidModelException($"an object with '{key}' is expected, got {o.ValueKind}") : o.TryGetProperty(key, out var v) ? v : null;

    /// <summary>The elements of a list.</summary>
    public static JsonElement.ArrayEnumerator Items(this JsonElement e, string what) => e.ValueKind == JsonValueKind.Array ? e.EnumerateArray() : throw Wrong(e, what, "a list");

    /// <summary>The values of an object.</summary>
    public static JsonElement.ObjectEnumerator Members(this JsonElement e, string what) => e.ValueKind == JsonValueKind.Object ? e.EnumerateObject() : throw Wrong(e, what, "an object");

    /// <summary>An integer.</summary>
    public static long Long(this JsonElement e, string what) => e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long v) ? v : throw Wrong(e, what, "an integer");

    /// <summary>An integer from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static int Int(this JsonElement e, string what, int least = int.MinValue, int most = int.MaxValue) =>
        e.Long(what) is var v && v >= least && v <= most ? (int)v : throw new InvalidModelException($"'{what}' is {v}, expected {least} to {most}");

    /// <summary>A truth value.</summary>
    public static bool Flag(this JsonElement e, string what) => e.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(e, what, "true or false"),
    };

    /// <summary>A string.</summary>
    public static string Text(this JsonElement e, string what)
    {
        if (e.ValueKind != JsonValueKind.String) throw Wrong(e, what, "a string");
        try
        {
            return e.GetString()!;
        }
        catch (InvalidOperationException x)
        {
            throw new InvalidModelException($"'{what}' is no valid text", null, -1, x);
        }
    }

    /// <summary>A key's text.</summary>
    public static string Key(this JsonProperty p)
    {
        try
        {
            return p.Name;
        }
        catch (InvalidOperationException x)
        {
            throw new InvalidModelException("a key is no valid text", null, -1, x);
        }
    }

    /// <summary>A binary32 number, or the eight hexadecimal digits of one that is not finite.</summary>
    public static float Float(this JsonElement e, string what)
    {
        if (e.ValueKind == JsonValueKind.Number && e.TryGetSingle(out float v) && float.IsFinite(v)) return v;
        if (e.ValueKind == JsonValueKind.String && uint.TryParse(e.Text(what), System.Globalization.NumberStyles.AllowHexSpecifier, null, out uint bits)) return BitConverter.UInt32BitsToSingle(bits);
        throw Wrong(e, what, "a number");
    }

    /// <summary>A finite binary64 number.</summary>
    public static double Double(this JsonElement e, string what) => e.ValueKind == JsonValueKind.Number && e.TryGetDouble(out double v) && double.IsFinite(v) ? v : throw Wrong(e, what, "a number");

    /// <summary>A shape.</summary>
    public static Shape Shape(this JsonElement e, string what)
    {
        Span<long> dims = stackalloc long[Tensors.Shape.MaxRank];
        int rank = 0;
        foreach (var d in e.Items(what))
        {
            if (rank == dims.Length) throw new InvalidModelException($"'{what}' has more than {dims.Length} dimensions");
            dims[rank++] = d.Long(what);
        }
        return new Shape(dims[..rank]);
    }

    /// <summary>Writes a float as <see cref="Float"/> reads it.</summary>
    public static void WriteFloat(this Utf8JsonWriter json, float v)
    {
        if (float.IsFinite(v)) json.WriteNumberValue(v);
        else json.WriteStringValue(BitConverter.SingleToUInt32Bits(v).ToString("x8", System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>Writes a shape.</summary>
    public static void WriteShape(this Utf8JsonWriter json, string key, Shape shape)
    {
        json.WriteStartArray(key);
        foreach (long d in shape.Dims) json.WriteNumberValue(d);
        json.WriteEndArray();
    }

    private static InvalidModelException Wrong(JsonElement e, string what, string expected) => new($"'{what}' is {e.ValueKind}, expected {expected}");
}
