using System.Text.Json;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>Builds the graph that <see cref="GraphWriter"/> wrote; every wire must have one producer, before its readers and in their sight.</summary>
internal sealed class GraphReader(SectionReader sections, OperatorRegistry operators, LoadBudget budget)
{
    private const int MaxDepth = 64;

    // What a wire, a constant and a node take in memory, at least.
    private const int ValueBytes = 192, WeightBytes = 256, NodeBytes = 832, WireBytes = 16;

    private enum State
    {
        Unmade,
        Visible,
        // Made in a subgraph that has ended.
        Gone,
    }

    private readonly List<Value> _values = [];
    private readonly List<State> _states = [];
    private readonly List<Weight> _weights = [];
    // The weights inside each, by the way there.
    private readonly List<Dictionary<string, Weight>> _parts = [];
    private readonly List<PackedWeight> _packed = [];
    private readonly HashSet<(Weight, string)> _layouts = [];
    private readonly Dictionary<string, int> _opsets = new(StringComparer.Ordinal);
    private int _depth;

    public ModelDefinition Read(JsonElement root, string? file)
    {
        foreach (var p in root.Get("opsets").Members("opsets")) _opsets.Add(p.Key(), p.Value.Int("opsets", 1));
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var p in root.Get("metadata").Members("metadata"))
        {
            string value = p.Value.Text("metadata");
            budget.Take(ValueBytes + 2L * value.Length, "metadata");
            metadata.Add(p.Key(), value);
        }
        foreach (var w in root.Get("weights").Items("weights"))
        {
            budget.Take(WeightBytes, "the weights");
            var parts = new Dictionary<string, Weight>(StringComparer.Ordinal);
            _weights.Add(ReadWeight(w, parts, root));
            _parts.Add(parts);
        }
        if (root.Find("packed") is { } packed)
            foreach (var p in packed.Items("packed")) AddPacked(p, file);
        foreach (var v in root.Get("values").Items("values")) AddValue(v);
        var graph = ReadGraph(root.Get("graph"));
        RequireDistinct(graph.Inputs, "input");
        RequireDistinct(graph.Outputs, "output");
        return new ModelDefinition(graph) { Source = file, Opsets = _opsets, Metadata = metadata, Packed = _packed };
    }

    private Weight ReadWeight(JsonElement e, Dictionary<string, Weight> parts, JsonElement root)
    {
        try
        {
            return WeightForms.Read(e, sections, (part, path) => parts[path] = part);
        }
        catch (Exception x) when (x is InvalidModelException { File: null } or SizeOverflowException)
        {
            throw new InvalidModelException($"{ReaderOf(root, _weights.Count)}: {(x as InvalidModelException)?.Detail ?? x.Message}", null, (x as InvalidModelException)?.Offset ?? -1, x);
        }
    }

    // For a message: the first node that reads a weight. What the file says of it was not checked yet.
    private static string ReaderOf(JsonElement root, int weight)
    {
        try
        {
            int wire = 0;
            foreach (var v in root.Get("values").Items("values"))
            {
                if (v.Find("weight") is { } w && w.Int("weight") == weight)
                {
                    string name = v.Get("name").Text("name");
                    foreach (var n in root.Get("graph").Get("nodes").Items("nodes"))
                        if (n.Get("inputs").Items("inputs").Any(x => x.ValueKind == JsonValueKind.Number && x.Int("inputs") == wire)) return $"node '{n.Get("name").Text("name")}', weight '{name}'";
                    return $"weight '{name}'";
                }
                wire++;
            }
        }
        catch (InvalidModelException)
        {
            // The rest of the graph is no better than the weight.
        }
        return $"weight {weight}";
    }

    // Whether a kernel knows the layout, and how long it is, is for the kernel to say.
    private void AddPacked(JsonElement e, string? file)
    {
        int weight = e.Get("weight").Int("weight", 0, _weights.Count - 1);
        string layout = e.Get("layout").Text("layout"), section = e.Get("values").Text("values"), path = e.Find("part")?.Text("part") ?? "";
        budget.Take(WeightBytes + 2L * layout.Length, "the packed weights");
        if (!_parts[weight].TryGetValue(path, out var part)) throw new InvalidModelException($"weight {weight} has no part '{path}'");
        if (!_layouts.Add((part, layout))) throw new InvalidModelException($"weight {weight} is packed as '{layout}' twice");
        _packed.Add(new(part, layout, sections.Read(section)) { File = file, Section = section });
    }

    private void AddValue(JsonElement e)
    {
        string name = e.Get("name").Text("name");
        budget.Take(ValueBytes + 2L * name.Length, "the wires");
        var v = new Value(name, e.Find("type") is { } type ? TypeJson.Read(type) : null);
        if (e.Find("grid") is { } grid)
        {
            var code = EngineFormat.ParseDType(grid.Get("code").Text("code"));
            if (code is not (DType.U8 or DType.I8)) throw new InvalidModelException($"wire '{name}': a grid of {code.Display()}, expected u8 or i8");
            float scale = grid.Get("scale").Float("scale");
            if (!(scale > 0) || !float.IsFinite(scale)) throw new InvalidModelException($"wire '{name}': a grid of scale {scale}");
            var q = new WireQuantization(code, scale, 0);
            v.Quantization = q with { Zero = grid.Get("zero").Int("zero", q.MinCode, q.MaxCode) };
        }
        if (e.Find("weight") is { } w) v.Constant = _weights[w.Int("weight", 0, _weights.Count - 1)];
        _values.Add(v);
        _states.Add(v.Constant is null ? State.Unmade : State.Visible);
    }

    private ModelGraph ReadGraph(JsonElement e)
    {
        if (++_depth > MaxDepth) throw new InvalidModelException($"subgraphs are nested deeper than {MaxDepth}");
        budget.Take(NodeBytes, "the graph");
        var g = new ModelGraph(e.Get("name").Text("name"));
        var made = new List<int>();
        foreach (var x in e.Get("inputs").Items("inputs")) g.Inputs.Add(Make(x, made));
        foreach (var n in e.Get("nodes").Items("nodes")) g.Nodes.Add(ReadNode(n, made));
        foreach (var x in e.Get("outputs").Items("outputs")) g.Outputs.Add(See(x));
        foreach (int i in made) _states[i] = State.Gone;
        _depth--;
        return g;
    }

    private Node ReadNode(JsonElement e, List<int> made)
    {
        string name = e.Get("name").Text("name"), op = e.Get("op").Text("op"), domain = e.Find("domain")?.Text("domain") ?? "";
        budget.Take(NodeBytes + 2L * name.Length, "the graph");
        int opset = e.Find("opset")?.Int("opset", 1) ?? _opsets.GetValueOrDefault(domain);
        if (opset == 0) throw new InvalidModelException($"node '{name}' ({op}): no opset of domain '{domain}' is given");
        var inputs = Wires(e.Get("inputs"), See);
        var attributes = new Dictionary<string, object>(StringComparer.Ordinal);
        if (e.Find("attributes") is { } list)
            foreach (var p in list.Members("attributes")) attributes.Add(p.Key(), AttributeJson.Read(p.Value, sections, ReadGraph));
        var outputs = Wires(e.Get("outputs"), x => Make(x, made));
        var o = operators.Create(domain, op, new Attributes(opset, attributes) { InputCount = inputs.Length, OutputCount = outputs.Length }, name);
        return new Node(name, o, inputs, outputs);
    }

    private Value?[] Wires(JsonElement e, Func<JsonElement, Value> read)
    {
        var wires = new List<Value?>();
        foreach (var x in e.Items("wires"))
        {
            budget.Take(WireBytes, "the graph");
            wires.Add(x.ValueKind == JsonValueKind.Null ? null : read(x));
        }
        return [.. wires];
    }

    private Value Make(JsonElement e, List<int> made)
    {
        int i = Index(e);
        if (_states[i] != State.Unmade) throw new InvalidModelException($"wire '{_values[i].Name}' is made twice");
        _states[i] = State.Visible;
        made.Add(i);
        return _values[i];
    }

    private Value See(JsonElement e)
    {
        int i = Index(e);
        return _states[i] == State.Visible ? _values[i] : throw new InvalidModelException($"wire '{_values[i].Name}' is read where nothing has made it");
    }

    private int Index(JsonElement e) => e.Int("wire", 0, _values.Count - 1);

    private static void RequireDistinct(IEnumerable<Value> values, string role)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var v in values)
            if (!names.Add(v.Name)) throw new InvalidModelException($"{role} '{v.Name}' is listed twice");
    }
}
