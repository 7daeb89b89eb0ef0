using System.Text.Json;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// An attribute is an object of one member whose key tells the kind: int, float, string, tensor (a section's name), sparse, graph, type,
/// and with an s at the end lists of these.
/// </summary>
internal static class AttributeJson
{
    /// <summary>The graphs among the attributes, in the order in which they are written.</summary>
    public static IEnumerable<ModelGraph> Graphs(Attributes a) =>
        a.Values.OrderBy(v => v.Key, StringComparer.Ordinal).SelectMany(v => v.Value switch { ModelGraph g => [g], ModelGraph[] many => many, _ => Array.Empty<ModelGraph>() });

    public static void Write(Utf8JsonWriter json, object value, SectionWriter sections, string name, Action<ModelGraph> writeGraph)
    {
        json.WriteStartObject();
        switch (value)
        {
            case long v: json.WriteNumber("int", v); break;
            case float v:
                json.WritePropertyName("float");
                json.WriteFloat(v);
                break;
            case string v: json.WriteString("string", v); break;
            case Tensor v: json.WriteString("tensor", sections.Add(v, name)); break;
            case SparseTensor v:
                json.WritePropertyName("sparse");
                Sparse(v, name);
                break;
            case ModelGraph v:
                json.WritePropertyName("graph");
                writeGraph(v);
                break;
            case DeclaredType v:
                json.WritePropertyName("type");
                TypeJson.Write(json, v);
                break;
            case long[] v: List("ints", v, (x, _) => json.WriteNumberValue(x)); break;
            case float[] v: List("floats", v, (x, _) => json.WriteFloat(x)); break;
            case string[] v: List("strings", v, (x, _) => json.WriteStringValue(x)); break;
            case Tensor[] v: List("tensors", v, (x, i) => json.WriteStringValue(sections.Add(x, $"{name}/{i}"))); break;
            case SparseTensor[] v: List("sparses", v, (x, i) => Sparse(x, $"{name}/{i}")); break;
            case ModelGraph[] v: List("graphs", v, (x, _) => writeGraph(x)); break;
            case DeclaredType[] v: List("types", v, (x, _) => TypeJson.Write(json, x)); break;
            default: throw new UnsupportedException($"attribute '{name}' of kind {value.GetType().Name} has no place in engine files");
        }
        json.WriteEndObject();

        void List<T>(string key, T[] items, Action<T, int> write)
        {
            json.WriteStartArray(key);
            for (int i = 0; i < items.Length; i++) write(items[i], i);
            json.WriteEndArray();
        }

        void Sparse(SparseTensor s, string prefix)
        {
            json.WriteStartObject();
            json.WriteString("values", sections.Add(s.Values, $"{prefix}/values"));
            json.WriteString("indices", sections.Add(s.Indices, $"{prefix}/indices"));
            json.WriteShape("shape", s.Shape);
            json.WriteEndObject();
        }
    }

    public static object Read(JsonElement e, SectionReader sections, Func<JsonElement, ModelGraph> readGraph)
    {
        var members = e.Members("attribute");
        if (!members.MoveNext()) throw new InvalidModelException("an attribute has no value");
        var p = members.Current;
        string kind = p.Key();
        if (members.MoveNext()) throw new InvalidModelException("an attribute has more than one value");
        return kind switch
        {
            "int" => p.Value.Long(kind),
            "float" => p.Value.Float(kind),
            "string" => p.Value.Text(kind),
            "tensor" => Tensor(p.Value),
            "sparse" => Sparse(p.Value),
            "graph" => readGraph(p.Value),
            "type" => TypeJson.Read(p.Value),
            "ints" => Items(x => x.Long(kind)),
            "floats" => Items(x => x.Float(kind)),
            "strings" => Items(x => x.Text(kind)),
            "tensors" => Items(Tensor),
            "sparses" => Items(Sparse),
            "graphs" => Items(readGraph),
            "types" => Items(x => TypeJson.Read(x)),
            _ => throw new InvalidModelException($"attributes of kind '{kind}' are not known"),
        };

        T[] Items<T>(Func<JsonElement, T> read) => [.. p.Value.Items(kind).Select(read)];

        Tensor Tensor(JsonElement x) => sections.Read(x.Text("tensor"));

        SparseTensor Sparse(JsonElement x) => new(sections.Read(x.Get("values").Text("values")), sections.Read(x.Get("indices").Text("indices")), x.Get("shape").Shape("shape"));
    }
}
