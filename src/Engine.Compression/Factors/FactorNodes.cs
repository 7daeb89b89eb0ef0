using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>The nodes that stand for a factored layer. The last one keeps the layer's name, its result and its bias; those before are named after the factor.</summary>
internal static class FactorNodes
{
    private static readonly string[] s_window = ["kernel_shape", "strides", "pads", "dilations"];

    public static IReadOnlyList<Node> Of(Layer layer, LayerFactors factors, Node node, Value? bias) => layer.Kind switch
    {
        LayerKind.Conv => Convolutions(layer, factors, node, bias),
        LayerKind.Embedding => Table(layer, factors, node),
        _ => Products(layer, factors, node, bias),
    };

    private static Value Constant(Node n, string part, Tensor t) => Value.Of($"{n.Name}_{part}", t);

    private static List<Node> Products(Layer layer, LayerFactors f, Node n, Value? bias)
    {
        var ranks = new Value($"{n.Name}_ranks");
        // [columns, rank] and [rank, rows]: plain operands of a product.
        Tensor down = f.Stages[0].Transposed(), up = f.Stages[1].Transposed();
        var (a, product) = (n.Op.Attributes, new MatMul(new Attributes(n.Op.Attributes.Opset) { InputCount = 2 }));
        IEnumerable<Value?> more = bias is null ? n.Inputs.Skip(2) : [bias];
        List<Value?> inputs = [ranks, Constant(n, "up", up), .. more];
        Operator last = layer.Kind == LayerKind.MatMul ? product : new Gemm(new Attributes(a.Opset, a.With("transB", 0L).Values) { InputCount = inputs.Count });
        return [new($"{n.Name}/down", product, [n.Inputs[0], Constant(n, "down", down)], [ranks]), new(n.Name, last, inputs, n.Outputs)];
    }

    private static List<Node> Table(Layer layer, LayerFactors f, Node n)
    {
        var ranks = new Value($"{n.Name}_ranks");
        return
        [
            new($"{n.Name}/down", n.Op, [Constant(n, "down", f.Stages[1]), .. n.Inputs.Skip(1)], [ranks]),
            new(n.Name, new MatMul(new Attributes(n.Op.Attributes.Opset) { InputCount = 2 }), [ranks, Constant(n, "up", f.Stages[0])], n.Outputs),
        ];
    }

    private static List<Node> Convolutions(Layer layer, LayerFactors f, Node n, Value? bias)
    {
        var nodes = new List<Node>();
        var x = n.Inputs[0];
        for (int i = 0; i < f.Stages.Count; i++)
        {
            bool last = i == f.Stages.Count - 1;
            string part = last ? "up" : i == 0 ? "down" : f.Stages.Count == 3 ? "core" : i == 1 ? "height" : "width";
            var w = Filter(layer, f, i);
            var y = last ? n.Outputs[0] : new Value($"{n.Name}_{part}_out");
            List<Value?> inputs = [x, Constant(n, part, w)];
            if (last && (bias ?? n.Input(2)) is { } b) inputs.Add(b);
            nodes.Add(new(last ? n.Name : $"{n.Name}/{part}", new Conv(Window(n.Op.Attributes, w.Shape, f.Stages[i].Shape[0], IsDepthwise(f, i), inputs.Count, axis => w.Shape[2 + axis] > 1 || i == 0 && layer.Weight.Shape[2 + axis] == 1)), inputs, [y]));
            x = y;
        }
        return nodes;
    }

    private static bool IsDepthwise(LayerFactors f, int stage) => f.Form.Kind == FactorKind.Canonical && stage is 1 or 2;

    // Low-rank factors are matrices: the first one has the layer's window.
    private static Tensor Filter(Layer layer, LayerFactors f, int i)
    {
        var t = f.Stages[i];
        if (f.Form.Kind != FactorKind.LowRank) return t;
        long[] window = layer.Weight.Shape.Dims[2..].ToArray();
        return t.Reshape(i == 0 ? new Shape([t.Shape[0], layer.Columns / layer.Taps, .. window]) : new Shape([t.Shape[0], t.Shape[1], .. window.Select(_ => 1L)]));
    }

    /// <summary>The window's attributes along the axes that are this factor's: those it spans, and for the first one those that the layer's window is one wide along; elsewhere it moves by one, without padding.</summary>
    private static Attributes Window(Attributes a, Shape filter, long outputs, bool depthwise, int inputs, Func<int, bool> isOwn)
    {
        var values = new Dictionary<string, object>();
        int axes = filter.Rank - 2;
        foreach (string name in s_window)
            if (a.Ints(name) is { } v)
                values[name] = name == "kernel_shape" ? filter.Dims[2..].ToArray() : (long[])[.. v.Select((x, i) => isOwn(i % axes) ? x : name == "pads" ? 0 : 1)];
        if (a.Has("auto_pad")) values["auto_pad"] = a.String("auto_pad", "");
        if (depthwise) values["group"] = outputs;
        return new Attributes(a.Opset, values) { InputCount = inputs };
    }
}
