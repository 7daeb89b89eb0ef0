using System.Text.Json;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// A model's graph as JSON: opsets, metadata, wires (each once, referred to by number), constants, and the nodes in their order.
/// Numbers follow the first use, and keys without an order of their own are sorted, so that equal graphs give equal text.
/// </summary>
internal sealed class GraphWriter(Utf8JsonWriter json, SectionWriter sections)
{
    private readonly Dictionary<Value, int> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Weight, int> _weights = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Weight Weight, string Name)> _constants = [];
    // Number of the constant, and the way to a weight inside it.
    private readonly Dictionary<Weight, (int Number, string Path)> _parts = new(ReferenceEqualityComparer.Instance);
    private IReadOnlyDictionary<string, int> _opsets = new Dictionary<string, int>();

    public void Write(ModelDefinition model, IReadOnlyList<PackedWeight> packed)
    {
        _opsets = model.Opsets;
        Number(model.Graph);
        json.WriteStartObject();
        json.WriteStartObject("opsets");
        foreach (var (domain, version) in model.Opsets.OrderBy(o => o.Key, StringComparer.Ordinal)) json.WriteNumber(domain, version);
        json.WriteEndObject();
        json.WriteStartObject("metadata");
        foreach (var (key, value) in model.Metadata.OrderBy(o => o.Key, StringComparer.Ordinal)) json.WriteString(key, value);
        json.WriteEndObject();
        json.WriteStartArray("values");
        foreach (var v in _values.Keys) WriteValue(v);
        json.WriteEndArray();
        json.WriteStartArray("weights");
        for (int i = 0; i < _constants.Count; i++)
        {
            int number = i;
            WeightForms.Write(json, sections, _constants[i].Weight, _constants[i].Name, (part, path) => _parts.TryAdd(part, (number, path)));
        }
        json.WriteEndArray();
        WritePacked([.. packed.Where(p => _parts.ContainsKey(p.Weight))]);
        json.WritePropertyName("graph");
        WriteGraph(model.Graph);
        json.WriteEndObject();
    }

    private void Number(ModelGraph graph)
    {
        foreach (var v in graph.Inputs) Number(v);
        foreach (var n in graph.Nodes)
        {
            if (n.Epilogue.Count > 0) throw new UnsupportedException($"{n.Describe()} has fused steps: a graph is stored before it is planned");
            foreach (var v in n.Inputs) Number(v);
            foreach (var g in AttributeJson.Graphs(n.Op.Attributes)) Number(g);
            foreach (var v in n.Outputs) Number(v);
        }
        foreach (var v in graph.Outputs) Number(v);
    }

    private void Number(Value? v)
    {
        if (v is null || !_values.TryAdd(v, _values.Count) || v.Constant is not { } w || !_weights.TryAdd(w, _constants.Count)) return;
        _constants.Add((w, v.Name));
    }

    private void WriteValue(Value v)
    {
        json.WriteStartObject();
        json.WriteString("name", v.Name);
        if (v.Declared is { } type)
        {
            json.WritePropertyName("type");
            TypeJson.Write(json, type);
        }
        if (v.Quantization is { } q)
        {
            json.WriteStartObject("grid");
            json.WriteString("code", q.Code.Display());
            json.WritePropertyName("scale");
            json.WriteFloat(q.Scale);
            json.WriteNumber("zero", q.Zero);
            json.WriteEndObject();
        }
        if (v.Constant is { } w) json.WriteNumber("weight", _weights[w]);
        json.WriteEndObject();
    }

    private void WritePacked(List<PackedWeight> packed)
    {
        if (packed.Count == 0) return;
        json.WriteStartArray("packed");
        foreach (var p in packed.OrderBy(p => _parts[p.Weight].Number).ThenBy(p => _parts[p.Weight].Path, StringComparer.Ordinal).ThenBy(p => p.Layout, StringComparer.Ordinal))
        {
            var (number, path) = _parts[p.Weight];
            json.WriteStartObject();
            json.WriteNumber("weight", number);
            if (path.Length > 0) json.WriteString("part", path);
            json.WriteString("layout", p.Layout);
            json.WriteString("values", sections.Add(p.Values, $"{WeightForms.Inside(_constants[number].Name, "packed")}/{(path.Length > 0 ? path + "/" : "")}{p.Layout}"));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteGraph(ModelGraph graph)
    {
        json.WriteStartObject();
        json.WriteString("name", graph.Name);
        WriteWires("inputs", graph.Inputs);
        WriteWires("outputs", graph.Outputs);
        json.WriteStartArray("nodes");
        foreach (var n in graph.Nodes) WriteNode(n);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteNode(Node n)
    {
        json.WriteStartObject();
        json.WriteString("name", n.Name);
        json.WriteString("op", n.Op.Name);
        if (n.Op.Domain.Length > 0) json.WriteString("domain", n.Op.Domain);
        if (_opsets.GetValueOrDefault(n.Op.Domain) != n.Op.Attributes.Opset) json.WriteNumber("opset", n.Op.Attributes.Opset);
        WriteWires("inputs", n.Inputs);
        WriteWires("outputs", n.Outputs);
        if (n.Op.Attributes.Values.Count > 0)
        {
            json.WriteStartObject("attributes");
            foreach (var (key, value) in n.Op.Attributes.Values.OrderBy(a => a.Key, StringComparer.Ordinal))
            {
                json.WritePropertyName(key);
                AttributeJson.Write(json, value, sections, $"{n.Name}/{key}", WriteGraph);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    // An operand that is left out is null.
    private void WriteWires(string key, IReadOnlyList<Value?> wires)
    {
        json.WriteStartArray(key);
        foreach (var v in wires)
        {
            if (v is null) json.WriteNullValue();
            else json.WriteNumberValue(_values[v]);
        }
        json.WriteEndArray();
    }
}
