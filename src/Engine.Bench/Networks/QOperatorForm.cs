using Engine.Graph;
using Engine.Graph.Operators;

namespace Engine.Bench;

/// <summary>
/// A network between QuantizeLinear and DequantizeLinear in the other form of ONNX Runtime's quantizer, operators on codes: QLinearConv, and QLinearAdd,
/// QLinearGlobalAveragePool and QGemm of com.microsoft; a rectifier is the smallest code.
/// </summary>
internal sealed class QOperatorForm
{
    private readonly ModelGraph _graph;
    private readonly OnnxBuilder _to;
    private readonly Dictionary<Value, Node> _makers = [];
    private readonly Dictionary<Value, string> _wires = [];

    private QOperatorForm(string name, ModelGraph graph)
    {
        (_graph, _to) = (graph, new OnnxBuilder(name));
        foreach (var n in graph.Nodes) _makers[n.Outputs[0]!] = n;
    }

    /// <summary>The network; what it is made of must be those operators.</summary>
    public static OnnxBuilder Of(string name, OnnxBuilder quantized)
    {
        var form = new QOperatorForm(name, quantized.Graph);
        foreach (var v in form._graph.Inputs) form._wires[v] = form._to.Input(v.Name, Shape(v));
        foreach (var n in form._graph.Nodes) form.Add(n);
        foreach (var v in form._graph.Outputs) form._to.Output(form._wires[v], Shape(v));
        return form._to;
    }

    private static long[] Shape(Value v) => [.. ((Tensors.DeclaredType.Tensor)v.Declared!).Dims!.Select(d => d.Value)];

    private void Add(Node n)
    {
        // Constants and rectifiers go with what reads or makes them.
        if (n.Op is DequantizeLinear or Relu) return;
        if (n.Op is QuantizeLinear && _makers.GetValueOrDefault(n.Inputs[0]!) is { } maker)
        {
            if (maker.Op is Relu) maker = _makers[maker.Inputs[0]!];
            _wires[n.Outputs[0]!] = _wires[maker.Outputs[0]!];
            return;
        }
        var attributes = n.Op.Attributes.Values.Select(a => (a.Key, a.Value)).ToArray();
        _wires[n.Outputs[0]!] = n.Op switch
        {
            QuantizeLinear => _to.Node("QuantizeLinear", [.. n.Inputs.Select(i => Wire(i!))]),
            Conv => _to.Node("QLinearConv", [.. Grid(n.Inputs[0]!), .. Grid(n.Inputs[1]!), .. After(n), Grid(n.Inputs[2]!)[0]], attributes),
            Graph.Operators.Add => _to.Node("com.microsoft.QLinearAdd", [.. Grid(n.Inputs[0]!), .. Grid(n.Inputs[1]!), .. After(n)]),
            GlobalAveragePool => _to.Node("com.microsoft.QLinearGlobalAveragePool", [.. Grid(n.Inputs[0]!), .. After(n)]),
            Gemm => _to.Node("com.microsoft.QGemm", [.. Grid(n.Inputs[0]!), .. Grid(n.Inputs[1]!), Grid(n.Inputs[2]!)[0]], attributes),
            MaxPool or Flatten => _to.Node(n.Op.Name, [Grid(n.Inputs[0]!)[0]], attributes),
            _ => throw new NotSupportedException(n.Describe()),
        };
    }

    // Codes, scale and zero point of what is dequantized; a view of it has its grid.
    private string[] Grid(Value value) => _makers[value] is { Op: DequantizeLinear } d ? [.. d.Inputs.Select(i => Wire(i!))] : [_wires[value], .. Grid(_makers[value].Inputs[0]!)[1..]];

    // Scale and zero point of what is quantized.
    private string[] After(Node n)
    {
        var reader = _graph.Nodes.First(r => r.Inputs[0] == n.Outputs[0]);
        return reader.Op is Relu ? After(reader) : [Wire(reader.Inputs[1]!), Wire(reader.Inputs[2]!)];
    }

    private string Wire(Value v) => v.Constant is null ? _wires[v] : _to.Constant(v.Name, () => v.ConstantTensor!);
}
