using Engine.Graph;
using Engine.Graph.Operators;

namespace Engine.Streaming;

/// <summary>Attention without a mask as exporters write it: product of queries and keys, factors, softmax, product with values; nobody else reads what lies between.</summary>
/// <param name="Inner">Scores, factors and softmax, in order.</param>
/// <param name="Product">The product with values.</param>
/// <param name="Scale">All factors as one.</param>
internal sealed record AttentionChain(IReadOnlyList<Node> Inner, Node Product, float Scale)
{
    public Value Query => Inner[0].Inputs[0]!;

    public Value Key => Inner[0].Inputs[1]!;

    public Value Values => Product.Inputs[1]!;

    public Value Output => Product.Outputs[0]!;

    /// <summary>All attention of a graph.</summary>
    public static IEnumerable<AttentionChain> Find(ModelGraph graph)
    {
        if (!graph.Nodes.Any(n => n.Op is Softmax)) yield break;
        var uses = new Uses(graph);
        var producers = graph.Nodes.SelectMany(n => n.Outputs.OfType<Value>().Select(v => (v, n))).ToDictionary(p => p.v, p => p.n);
        var readers = graph.Nodes.SelectMany(n => n.Inputs.OfType<Value>().Distinct().Select(v => (v, n))).ToLookup(p => p.v, p => p.n);
        foreach (var n in graph.Nodes)
            if (n.Op is Softmax && n.Outputs[0] is { } p && uses.Of(p) == 1 && readers[p].FirstOrDefault() is { Op: MatMul } product && product.Inputs[0] == p && product.Epilogue.Count == 0 && Back(n, uses, producers) is var (inner, scale))
                yield return new(inner, product, scale);
    }

    private static (List<Node>, float)? Back(Node softmax, Uses uses, Dictionary<Value, Node> producers)
    {
        var inner = new List<Node> { softmax };
        float scale = 1;
        for (var v = softmax.Inputs[0]!; uses.Of(v) == 1 && producers.TryGetValue(v, out var n) && n.Epilogue.Count == 0;)
        {
            inner.Insert(0, n);
            switch (n.Op)
            {
                case MatMul:
                    return (inner, scale);
                case FusedMatMul { IsPlain: true } m:
                    return (inner, scale * m.Alpha);
                case Mul or Div when Number(n.Inputs[1]) is { } f:
                    scale = n.Op is Mul ? scale * f : scale / f;
                    v = n.Inputs[0]!;
                    break;
                case Mul when Number(n.Inputs[0]) is { } f:
                    scale *= f;
                    v = n.Inputs[1]!;
                    break;
                default:
                    return null;
            }
        }
        return null;
    }

    private static float? Number(Value? v) => v?.Constant is { DType: Tensors.DType.F32, Shape.Elements: 1 } w ? w.Decode().Span<float>()[0] : null;
}
