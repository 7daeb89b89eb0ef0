using System.Globalization;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>Graphs to <c>GraphProto</c>: wires become names, each defined once in the whole model; quantized constants become nodes over their codes.</summary>
/// <param name="opset">Opset of the ONNX domain that the model is written for.</param>
internal sealed class GraphWriter(int opset)
{
    private const string Microsoft = "com.microsoft";
    private const int NodeField = 1, NameField = 2, InitializerField = 5, InputField = 11, OutputField = 12;

    private readonly Dictionary<Value, string> _names = [];
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    /// <summary>Domains of the nodes written, beside ONNX's own.</summary>
    public HashSet<string> Domains { get; } = new(StringComparer.Ordinal);

    public WireWriter Main(ModelGraph graph)
    {
        // Callers know inputs and outputs by name.
        foreach (var v in graph.Inputs.Concat(graph.Outputs)) Name(v);
        return Write(graph, [], isMain: true);
    }

    private WireWriter Write(ModelGraph graph, HashSet<Value> around, bool isMain)
    {
        var m = new WireWriter();
        var visible = new HashSet<Value>(around);
        foreach (var c in graph.Constants)
            if (!visible.Contains(c) && (graph.Outputs.Contains(c) || graph.Nodes.Exists(n => Reads(n, c)))) Constant(m, c, visible);
        foreach (var n in graph.Nodes)
        {
            if (QuantizedForm.IsNBits(n)) NBits(m, n);
            else if (QuantizedForm.IsGather(n)) GatherQuantized(m, n);
            else Node(m, n, visible);
        }
        m.Text(NameField, graph.Name.Length > 0 ? graph.Name : "graph");
        foreach (var v in graph.Inputs) m.Message(InputField, TypeWriter.Value(Name(v), v.Declared));
        foreach (var v in graph.Outputs)
        {
            string name = Name(v);
            // What a subgraph gives must be made inside it.
            if (!isMain && (around.Contains(v) || !Makes(graph, v)))
            {
                name = Fresh(name);
                Emit(m, name, "Identity", "", [Name(v)], [name], []);
            }
            m.Message(OutputField, TypeWriter.Value(name, v.Declared));
        }
        return m;
    }

    private static bool Makes(ModelGraph g, Value v) => v.Constant is not null || g.Inputs.Contains(v) || g.Nodes.Exists(n => n.Outputs.Contains(v));

    // Whether the node reads a constant as it stands: operators on codes bring their own operands.
    private static bool Reads(Node n, Value c)
    {
        int own = QuantizedForm.IsNBits(n) ? 1 : QuantizedForm.IsGather(n) ? 0 : -1;
        for (int i = 0; i < n.Inputs.Count; i++)
            if (n.Inputs[i] == c && i != own) return true;
        return false;
    }

    private void Constant(WireWriter m, Value v, HashSet<Value> visible)
    {
        visible.Add(v);
        if (v.Constant is Dense d)
        {
            m.Message(InitializerField, TensorWriter.Message(d.Values, Name(v)));
            return;
        }
        if (v.Constant is not Quantized q) throw new UnsupportedException($"weight '{v.Name}' ({v.Constant!.Describe()}) has no form in ONNX; an .engine file holds it");
        var form = QuantizedForm.Of(q, v.Name);
        var inputs = new List<string> { Initializer(m, $"{v.Name}_codes", form.Codes), Initializer(m, $"{v.Name}_scale", form.Scale) };
        if (form.Zero is not null) inputs.Add(Initializer(m, $"{v.Name}_zero_point", form.Zero));
        var attributes = new List<(string, object)>();
        if (form.Scale.Shape.Rank > 0) attributes.Add(("axis", (long)form.Axis));
        if (form.Block > 0) attributes.Add(("block_size", (long)form.Block));
        string domain = QuantizedForm.Opset(form.Codes.DType, form.Scale.Shape, form.Block) > opset ? Microsoft : "";
        Emit(m, Fresh($"{v.Name}_dequantize"), "DequantizeLinear", domain, inputs, [Name(v)], attributes);
    }

    private void NBits(WireWriter m, Node n)
    {
        var w = (Quantized)n.Inputs[1]!.Constant!;
        string weight = n.Inputs[1]!.Name, output = Name(n.Outputs[0]!);
        var (codes, scale, zero, bits) = QuantizedForm.NBits(w, weight);
        var inputs = new List<string> { Name(n.Inputs[0]!), Initializer(m, $"{weight}_codes", codes), Initializer(m, $"{weight}_scale", scale) };
        if (zero is not null) inputs.Add(Initializer(m, $"{weight}_zero_point", zero));
        var attributes = new List<(string, object)> { ("K", (long)w.Columns), ("N", (long)w.Rows), ("bits", (long)bits), ("block_size", (long)w.Group) };
        if (n.Op.Attributes.Has("accuracy_level")) attributes.Add(("accuracy_level", n.Op.Attributes.Int("accuracy_level")));
        string product = n.Input(2) is null ? output : Fresh($"{output}_product");
        Emit(m, n.Name, "MatMulNBits", Microsoft, inputs, [product], attributes);
        if (n.Input(2) is { } c) Emit(m, Fresh($"{n.Name}_add"), "Add", "", [product, Name(c)], [output], []);
    }

    private void GatherQuantized(WireWriter m, Node n)
    {
        var w = (Quantized)n.Inputs[0]!.Constant!;
        string weight = n.Inputs[0]!.Name;
        var form = QuantizedForm.Of(w, weight);
        var inputs = new List<string> { Initializer(m, $"{weight}_codes", form.Codes), Name(n.Inputs[1]!), Initializer(m, $"{weight}_scale", form.Scale) };
        if (form.Zero is not null) inputs.Add(Initializer(m, $"{weight}_zero_point", form.Zero));
        Emit(m, n.Name, "GatherBlockQuantized", Microsoft, inputs, [Name(n.Outputs[0]!)], [("block_size", (long)form.Block), ("gather_axis", 0L), ("quantize_axis", 1L)]);
    }

    private void Node(WireWriter m, Node n, HashSet<Value> visible)
    {
        if (n.Epilogue.Count > 0 || n.Outputs.Any(v => v?.Quantization is not null)) throw new UnsupportedException($"{n.Describe()} was lowered for execution and has no form in ONNX");
        string domain = OnnxModelWriter.NeededOpset(n) > opset ? Microsoft : n.Op.Domain;
        if (n.Op.Domain.Length == 0 && domain.Length == 0 && !OpsetChanges.Same(n.Op.Name, Math.Min(n.Op.Attributes.Opset, OnnxModelReader.NewestOpset), opset))
            throw new UnsupportedException($"{n.Describe()} means something else under opset {opset}, which the model is written for");
        Emit(m, n.Name, n.Op.Name, domain, n.Inputs.Select(v => v is null ? "" : Name(v)), n.Outputs.Select(v => v is null ? "" : Name(v)),
            n.Op.Attributes.Values.Where(a => IsStored(n, a.Key)).OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => (a.Key, a.Value)), g => Write(g, visible, isMain: false));
    }

    // Consent to rounded activations, which only MatMulNBits has a word for.
    private static bool IsStored(Node n, string attribute) => !(attribute == "accuracy_level" && n.Op is FusedMatMul or Gemm);

    private void Emit(WireWriter m, string name, string op, string domain, IEnumerable<string> inputs, IEnumerable<string> outputs, IEnumerable<(string, object)> attributes, Func<ModelGraph, WireWriter>? graph = null)
    {
        var n = new WireWriter();
        foreach (string i in inputs) n.Text(1, i);
        foreach (string o in outputs) n.Text(2, o);
        n.Text(3, name);
        n.Text(4, op);
        foreach (var (key, value) in attributes) n.Message(5, AttributeWriter.Message(key, value, graph ?? (_ => throw new InvalidOperationException())));
        if (domain.Length > 0)
        {
            n.Text(7, domain);
            Domains.Add(domain);
        }
        m.Message(NodeField, n);
    }

    private string Initializer(WireWriter m, string name, Tensor value)
    {
        name = Fresh(name);
        m.Message(InitializerField, TensorWriter.Message(value, name));
        return name;
    }

    private string Name(Value v) => _names.TryGetValue(v, out var name) ? name : _names[v] = Fresh(v.Name.Length > 0 ? v.Name : "value");

    private string Fresh(string name)
    {
        if (_taken.Add(name)) return name;
        for (int i = 1; ; i++)
        {
            string other = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
            if (_taken.Add(other)) return other;
        }
    }
}
