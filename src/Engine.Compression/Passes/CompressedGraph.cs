using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Makes the graph in which layers are replaced by their results. The given graph stays as it is; wires and unchanged nodes are shared.</summary>
internal sealed class CompressedGraph
{
    // Codes beyond this would leave too little room for the sums added to them.
    private const double MostBiasCode = 1 << 30;

    private readonly ModelGraph _source;
    private readonly IReadOnlyDictionary<Layer, LayerResult> _results;
    private readonly Func<Value, WireQuantization> _grid;
    private readonly bool _dynamicActivations, _sparseForms;
    private readonly Dictionary<Value, Value> _rounded = [];
    private readonly List<Node> _nodes = [];

    private CompressedGraph(ModelGraph source, IReadOnlyDictionary<Layer, LayerResult> results, Func<Value, WireQuantization> grid, CompressionOptions options) =>
        (_source, _results, _grid, _dynamicActivations, _sparseForms) = (source, results, grid, options.DynamicActivations, options.SparseForms);

    /// <summary>The compressed graph; <paramref name="grid"/> gives the calibrated grid of a wire.</summary>
    public static ModelGraph Of(ModelGraph source, IReadOnlyDictionary<Layer, LayerResult> results, Func<Value, WireQuantization> grid, CompressionOptions options) =>
        new CompressedGraph(source, results, grid, options).Build();

    private ModelGraph Build()
    {
        var layers = _results.Where(r => !r.Value.Scheme.IsFloat).GroupBy(r => r.Key.Node).ToDictionary(g => g.Key, g => g.ToList());
        var wires = new QdqWires(_source, layers.Where(l => l.Value.Exists(r => r.Value.Scheme.IsStatic)).Select(l => l.Key).ToHashSet());
        var grids = wires.Wires.ToDictionary(w => w, w => _grid(wires.GridOf(w)));
        var y = new ModelGraph(_source.Name);
        y.Inputs.AddRange(_source.Inputs);
        y.Outputs.AddRange(_source.Outputs);
        foreach (var v in _source.Inputs) Round(v, grids);
        foreach (var n in _source.Nodes)
        {
            var node = n;
            if (layers.TryGetValue(n, out var replaced))
            {
                if (replaced is [var (factored, factors)] && factors.Factors is not null)
                {
                    _nodes.AddRange(Factored(factored, factors, n));
                    foreach (var v in n.Outputs) if (v is not null) Round(v, grids);
                    continue;
                }
                foreach (var (layer, result) in replaced) node = Replace(layer, result, node, grids);
            }
            if (node.Inputs.Any(v => v is not null && _rounded.ContainsKey(v)))
                node = new Node(node.Name, node.Op, [.. node.Inputs.Select(v => v is null ? null : _rounded.GetValueOrDefault(v, v))], node.Outputs);
            _nodes.Add(node);
            foreach (var v in n.Outputs) if (v is not null) Round(v, grids);
        }
        y.Nodes = _nodes;
        return y;
    }

    private void Round(Value wire, Dictionary<Value, WireQuantization> grids)
    {
        if (!grids.TryGetValue(wire, out var grid)) return;
        var (quantize, dequantize, rounded) = StaticPass.Pair(wire, grid);
        _nodes.Add(quantize);
        _nodes.Add(dequantize);
        _rounded[wire] = rounded;
    }

    private IEnumerable<Node> Factored(Layer layer, LayerResult result, Node node)
    {
        var inputs = node.Inputs.Select(v => v is null ? null : _rounded.GetValueOrDefault(v, v)).ToList();
        return FactorNodes.Of(layer, result.Factors!, new Node(node.Name, node.Op, inputs, node.Outputs), ShiftedBias(layer, result));
    }

    // Null where the layer's own stays.
    private static Value? ShiftedBias(Layer layer, LayerResult result) =>
        result.Shift.Length == 0 || Bias(layer) is not { } own ? null : Value.Of($"{layer.Name}_bias", Tensor.Vector<float>([.. own.Zip(result.Shift, (b, s) => b + s)]));

    private Node Replace(Layer layer, LayerResult result, Node node, Dictionary<Value, WireQuantization> grids)
    {
        var weight = WeightForm.Of(layer, result.Scheme, result.Coded, result.Values, _sparseForms);
        float[]? bias = Bias(layer) is { } own ? result.Shift.Length == 0 ? own : [.. own.Zip(result.Shift, (b, s) => b + s)] : null;
        Value? wire = bias is null || node.Input(2) is null && result.Shift.Length == 0 ? null : Value.Of($"{layer.Name}_bias", Tensor.Vector<float>(bias));
        if (bias is not null && wire is not null && result.Scheme.IsStatic && grids.TryGetValue(node.Inputs[0]!, out var grid))
        {
            var scales = result.Coded!.Scales;
            if (!bias.Where((b, i) => Math.Abs(b / ((double)grid.Scale * scales[i])) > MostBiasCode).Any())
            {
                var (dequantize, codes) = StaticPass.Bias(layer.Name, bias, grid.Scale, scales);
                _nodes.Add(dequantize);
                wire = codes;
            }
        }
        return WeightForm.Node(layer, node, result.Scheme, weight, wire, _dynamicActivations, _sparseForms);
    }

    /// <summary>The layer's bias [rows], zeros where it has none; null where it cannot have one of that form.</summary>
    public static float[]? Bias(Layer layer)
    {
        if (layer.Kind is not (LayerKind.Conv or LayerKind.Gemm) || layer.Node.Op is Gemm { Beta: not 1 } or Gemm { Alpha: not 1 }) return null;
        if (layer.Node.Input(2) is not { } v) return new float[layer.Rows];
        return v.ConstantTensor is { DType: DType.F32, Shape.Rank: 1 } t && t.Shape[0] == layer.Rows ? t.Span<float>().ToArray() : null;
    }
}
