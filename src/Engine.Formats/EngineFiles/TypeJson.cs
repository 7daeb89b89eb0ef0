using System.Text.Json;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// Declared types: {"tensor": "f32", "dims": [1, "N", null]}, where null is an unknown extent and absent dims an unknown rank;
/// {"sequence": type}; {"optional": type}.
/// </summary>
internal static class TypeJson
{
    private const int MaxDepth = 16;

    public static void Write(Utf8JsonWriter json, DeclaredType type)
    {
        json.WriteStartObject();
        switch (type)
        {
            case DeclaredType.Tensor t:
                json.WriteString("tensor", t.DType.Display());
                if (t.Dims is null) break;
                json.WriteStartArray("dims");
                foreach (var d in t.Dims)
                {
                    if (d.IsKnown) json.WriteNumberValue(d.Value);
                    else json.WriteStringValue(d.Symbol);
                }
                json.WriteEndArray();
                break;
            case DeclaredType.Sequence s:
                json.WritePropertyName("sequence");
                Write(json, s.Element);
                break;
            case DeclaredType.Optional o:
                json.WritePropertyName("optional");
                Write(json, o.Element);
                break;
        }
        json.WriteEndObject();
    }

    public static DeclaredType Read(JsonElement e, int depth = 0)
    {
        if (depth > MaxDepth) throw new InvalidModelException($"types are nested deeper than {MaxDepth}");
        if (e.Find("sequence") is { } s) return new DeclaredType.Sequence(Read(s, depth + 1));
        if (e.Find("optional") is { } o) return new DeclaredType.Optional(Read(o, depth + 1));
        string name = e.Get("tensor").Text("tensor");
        var dtype = name == DType.Undefined.Display() ? DType.Undefined : EngineFormat.ParseDType(name);
        if (e.Find("dims") is not { } dims) return new DeclaredType.Tensor(dtype, null);
        var list = new List<Dim>();
        foreach (var d in dims.Items("dims"))
        {
            if (list.Count == Shape.MaxRank) throw new InvalidModelException($"a type has more than {Shape.MaxRank} dimensions");
            list.Add(d.ValueKind switch
            {
                JsonValueKind.Null => Dim.Unknown,
                JsonValueKind.String => new Dim(-1, d.Text("dims")),
                _ => d.Long("dims") is >= 0 and var v ? new Dim(v) : throw new InvalidModelException("a dimension is negative"),
            });
        }
        return new DeclaredType.Tensor(dtype, [.. list]);
    }
}
