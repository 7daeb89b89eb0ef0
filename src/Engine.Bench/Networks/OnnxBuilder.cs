using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Builds a model node by node under opset 17 and writes it as ONNX. Wires are strings; attributes are those that <see cref="Attributes"/> holds.</summary>
internal sealed class OnnxBuilder(string name)
{
    private const int Opset = 17;

    private readonly ModelGraph _graph = new(name);
    private readonly Dictionary<string, Value> _wires = new(StringComparer.Ordinal);

    /// <summary>What was built so far.</summary>
    public ModelGraph Graph => _graph;

    /// <summary>Declares an f32 input.</summary>
    public string Input(string wire, params ReadOnlySpan<long> dims) => Input(wire, DType.F32, dims);

    /// <summary>Declares an input.</summary>
    public string Input(string wire, DType dtype, params ReadOnlySpan<long> dims)
    {
        _graph.Inputs.Add(Add(new Value(wire, Declared(dtype, dims))));
        return wire;
    }

    /// <summary>Declares an existing wire as an f32 output.</summary>
    public void Output(string wire, params ReadOnlySpan<long> dims) => Output(wire, DType.F32, dims);

    /// <summary>Declares an existing wire as an output.</summary>
    public void Output(string wire, DType dtype, params ReadOnlySpan<long> dims)
    {
        _wires[wire].Declared = Declared(dtype, dims);
        _graph.Outputs.Add(_wires[wire]);
    }

    /// <summary>Adds a constant under a name that is not taken; a name given twice is the first one's constant.</summary>
    public string Constant(string wire, Func<Tensor> value)
    {
        if (!_wires.ContainsKey(wire)) Add(Value.Of(wire, value()));
        return wire;
    }

    /// <summary>Adds a node of one output and returns its wire; another domain than ONNX's own stands before the operator and a dot.</summary>
    public string Node(string op, string[] inputs, params (string Name, object Value)[] attributes)
    {
        string output = $"{op.ToLowerInvariant()}_{_graph.Nodes.Count}", domain = op[..Math.Max(0, op.LastIndexOf('.'))];
        var given = new Attributes(domain.Length == 0 ? Opset : 1, attributes.ToDictionary(a => a.Name, a => a.Value)) { InputCount = inputs.Length };
        var made = OperatorRegistry.Standard.Create(domain, op[(op.LastIndexOf('.') + 1)..], given, output);
        _graph.Nodes.Add(new Node(output, made, [.. inputs.Select(i => _wires[i])], [Add(new Value(output))]));
        return output;
    }

    /// <summary>Gives the last node's output another name.</summary>
    public string Rename(string wire)
    {
        _wires.Remove(_graph.Nodes[^1].Name);
        _graph.Nodes[^1] = new Node(wire, _graph.Nodes[^1].Op, _graph.Nodes[^1].Inputs, [Add(new Value(wire))]);
        return wire;
    }

    /// <summary>Writes the whole model; the same calls give the same bytes.</summary>
    public void Write(Stream to) => OnnxModelWriter.Write(new ModelDefinition(_graph)
    {
        Opsets = new Dictionary<string, int> { [""] = Opset },
        Metadata = new Dictionary<string, string> { ["producer_name"] = "engine-bench" },
    }, to);

    private Value Add(Value v) => _wires[v.Name] = v;

    private static DeclaredType.Tensor Declared(DType dtype, ReadOnlySpan<long> dims)
    {
        var declared = new Dim[dims.Length];
        for (int i = 0; i < declared.Length; i++) declared[i] = new Dim(dims[i]);
        return new(dtype, declared);
    }
}
