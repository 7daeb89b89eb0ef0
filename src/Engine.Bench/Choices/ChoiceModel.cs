using Engine.Graph;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A model of one product or convolution with a weight in some form; between 8-bit wires where asked for.</summary>
/// <param name="Graph">x, perhaps rounded to a grid, the operator, its result perhaps rounded.</param>
/// <param name="Input">What x is.</param>
/// <param name="Wires">True between 8-bit wires.</param>
internal sealed record ChoiceModel(ModelGraph Graph, Tensor Input, bool Wires)
{
    /// <summary>A product of m × n × k, or a convolution of c × h × w × m × kernel × stride.</summary>
    public static ChoiceModel Of(string form, int[] dims, bool wires)
    {
        bool product = dims.Length == 3;
        int[] input = product ? [dims[0], dims[2]] : [1, dims[0], dims[1], dims[2]];
        var weight = ChoiceForms.Make(form, product ? new Shape(dims[1], dims[2]) : new Shape(dims[3], dims[0], dims[4], dims[4]));
        var graph = new ModelGraph("choices");
        Value Node(string op, Dictionary<string, object> attributes, params Value[] inputs)
        {
            var y = new Value($"{op} {graph.Nodes.Count}");
            graph.Nodes.Add(new Node(y.Name, OperatorRegistry.Standard.Create("", op, new Attributes(13, attributes) { InputCount = inputs.Length }, y.Name), inputs, [y]));
            return y;
        }
        Value OnGrid(Value v, float range)
        {
            Value[] grid = [Value.Of($"scale {graph.Nodes.Count}", Tensor.Scalar(range / 255)), Value.Of($"zero {graph.Nodes.Count}", Tensor.Scalar((byte)128))];
            return wires ? Node("DequantizeLinear", [], [Node("QuantizeLinear", [], [v, .. grid]), .. grid]) : v;
        }
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [.. input.Select(d => new Dim(d))]));
        graph.Inputs.Add(x);
        var w = new Value("w") { Constant = weight };
        var y = product ? Node("Gemm", new() { ["transB"] = 1L }, OnGrid(x, 1), w)
            : Node("Conv", new() { ["pads"] = Enumerable.Repeat((long)(dims[4] / 2), 4).ToArray(), ["strides"] = new long[] { dims[5], dims[5] } }, OnGrid(x, 1), w);
        graph.Outputs.Add(OnGrid(y, 256));
        return new(graph, Operand.Random(2, [.. input.Select(d => (long)d)]), wires);
    }
}
