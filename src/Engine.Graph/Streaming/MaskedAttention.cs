using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>What is added to scores, or hides keys where it is <paramref name="HidesWhere"/>.</summary>
/// <param name="Wire">The wire.</param>
/// <param name="HidesWhere">The truth value that hides a key; null for numbers that are added.</param>
public sealed record AttentionMaskWire(Value Wire, bool? HidesWhere);

/// <summary>Attention as exporters write it: product of queries and keys, factors, masks, softmax, product with the values.</summary>
public sealed class MaskedAttention
{
    private const float Hides = -1e4f;

    private readonly Node _product, _softmax;
    private readonly List<(Node Node, int Scores)> _factors;

    private MaskedAttention(Node product, List<(Node, int)> factors, List<Node> maskings, List<AttentionMaskWire> masks, Node softmax, List<Node> between, Node result)
    {
        (_product, _factors, Masks, _softmax, Last) = (product, factors, masks, softmax, result);
        Maskings = maskings;
        Nodes = [product, .. factors.Select(f => f.Item1), .. maskings, softmax, .. between, result];
        Whole = new Node(softmax.Name, softmax.Op, [product.Inputs[0], product.Inputs[1], result.Inputs[1]], result.Outputs);
    }

    /// <summary>The nodes, none of whose results anything else reads but the last one's; in no particular order.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>The last node.</summary>
    public Node Last { get; }

    /// <summary>Nodes that put masks over the scores.</summary>
    public IReadOnlyList<Node> Maskings { get; }

    /// <summary>The masks.</summary>
    public IReadOnlyList<AttentionMaskWire> Masks { get; }

    /// <summary>One node in the place of all, from queries, keys and values to the result.</summary>
    public Node Whole { get; }

    /// <summary>Every masked attention of a graph.</summary>
    public static IReadOnlyList<MaskedAttention> Of(ModelGraph graph)
    {
        var softmaxes = graph.Nodes.Where(n => n.Op is Softmax && n.Epilogue.Count == 0).ToList();
        if (softmaxes.Count == 0) return [];
        var find = new Finder(graph);
        return [.. softmaxes.Select(find.Chain).OfType<MaskedAttention>()];
    }

    /// <summary>True where queries and keys are frames of streams, one a row and one a column of the scores.</summary>
    public bool IsOverStreams(StreamContext c)
    {
        const long Rows = 1009, Columns = 2003;
        if (c.Stream(0) is not { } q || c.Stream(1) is not { } k || c.Stream(2) is not { } v) return false;
        if (Infer(_product, q.Type, q.Type.Shape.With(q.Axis, Rows), k.Type.Shape.With(k.Axis, Columns)) is not { } scores || scores.Rank < 2 || scores[-2] != Rows || scores[-1] != Columns) return false;
        var (_, length, inner) = ((Softmax)_softmax.Op).Split(scores);
        return inner == 1 && length == Columns && Infer(Last, q.Type, scores, v.Type.Shape.With(v.Axis, Columns)) is { } y && y[-2] == Rows && y.Dims.IndexOf(Columns) < 0;
    }

    private static Shape? Infer(Node n, TensorType of, Shape a, Shape b)
    {
        var c = new InferContext([of with { Shape = a }, of with { Shape = b }], [null, null], 1);
        try
        {
            n.Op.Infer(c);
        }
        catch (EngineException)
        {
            return null;
        }
        return c.Outputs[0]?.Shape;
    }

    /// <summary>The streaming form, where every query sees a band of keys around its own.</summary>
    public void Stream(StreamContext c, AttentionBand band)
    {
        var (q, k, v) = (c.Stream(0)!, c.Stream(1)!, c.Stream(2)!);
        var shape = Infer(_product, q.Type, q.Type.Shape, k.Type.Shape)!.Value;
        var hop = StreamAttention.Of(c, q, k, v, band, shape.Rank, shape.Rank > 2 ? shape[0] : 1);
        var scores = c.Insert(_product.Op, [hop.Query, hop.Key]).Wire;
        foreach (var (n, at) in _factors) scores = c.Insert(n.Op, [.. n.Inputs.Select((x, i) => i == at ? scores : x)]).Wire;
        var weights = c.Insert(_softmax.Op, [c.Insert(new Add(Attributes.None), [scores, hop.Mask]).Wire]).Wire;
        var y = c.Emit(Last.Op, [weights, hop.Value])[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, y.Type.Shape.Rank - 2, q.Frames, hop.Delay, hop.Time));
    }

    private sealed class Finder
    {
        private readonly Dictionary<Value, Node> _makers = [];
        private readonly Dictionary<Value, List<Node>> _readers = [];
        private readonly Uses _uses;

        public Finder(ModelGraph graph)
        {
            _uses = new Uses(graph);
            foreach (var n in graph.Nodes)
            {
                foreach (var v in n.Outputs) if (v is not null) _makers[v] = n;
                foreach (var v in n.Inputs)
                {
                    if (v is null) continue;
                    if (!_readers.TryGetValue(v, out var list)) _readers[v] = list = [];
                    list.Add(n);
                }
            }
        }

        public MaskedAttention? Chain(Node softmax)
        {
            var between = new List<Node>();
            var y = softmax.Outputs[0]!;
            // Rows that see nothing are 0 for some exporters; on a stream every row sees its own frame.
            if (_uses.Of(y) == 2 && _readers[y].Find(n => n.Op is Where) is { Inputs: [{ } isNaN, { } zero, { } kept], Outputs: [{ } chosen] } where && kept == y && Number(zero) == 0 && _makers.GetValueOrDefault(isNaN) is { Op: { Name: "IsNaN" } } test && test.Inputs[0] == y && _uses.Of(isNaN) == 1)
            {
                between.AddRange([test, where]);
                y = chosen;
            }
            if (_uses.Of(y) != 1 || !_readers.TryGetValue(y, out var readers) || readers[0] is not { Op: MatMul or FusedMatMul, Epilogue.Count: 0 } result || result.Inputs[0] != y) return null;
            return Back(softmax.Inputs[0]!, []) is { } found && found.Masks.Count > 0 ? new(found.Product, found.Factors, [.. found.Masks.Select(m => m.Node).Reverse()], [.. found.Masks.Select(m => m.Mask)], softmax, between, result) : null;
        }

        private (Node Product, List<(Node, int)> Factors, List<(Node Node, AttentionMaskWire Mask)> Masks)? Back(Value v, List<(Node, AttentionMaskWire)> masks)
        {
            if (_uses.Of(v) != 1 || !_makers.TryGetValue(v, out var n) || n.Epilogue.Count > 0) return null;
            switch (n.Op)
            {
                case MatMul or FusedMatMul:
                    return (n, [], masks);
                case Add:
                    for (int i = 0; i < 2; i++)
                        if (Back(n.Inputs[i]!, [.. masks, (n, new(n.Inputs[1 - i]!, null))]) is { } found) return found;
                    return null;
                case Where when Number(n.Inputs[2]) <= Hides:
                    return Back(n.Inputs[1]!, [.. masks, (n, new(n.Inputs[0]!, false))]);
                case Where when Number(n.Inputs[1]) <= Hides:
                    return Back(n.Inputs[2]!, [.. masks, (n, new(n.Inputs[0]!, true))]);
                case Mul or Div:
                    // Masks stand behind factors: what hides a key hides it whatever the factor is.
                    int at = Number(n.Inputs[1]) is not null ? 0 : n.Op is Mul && Number(n.Inputs[0]) is not null ? 1 : -1;
                    if (at < 0 || Back(n.Inputs[at]!, []) is not { } inner || inner.Masks.Count > 0) return null;
                    return (inner.Product, [.. inner.Factors, (n, at)], masks);
                default:
                    return null;
            }
        }

        private static float? Number(Value? v) => v?.Constant is { Shape.Elements: 1, DType: DType.F32 or DType.F64 or DType.F16 or DType.BF16 } w ? (float)ScalarValue.ToDouble(w.Decode(), "a factor") : null;
    }
}
