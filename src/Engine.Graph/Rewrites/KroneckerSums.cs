using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Weights that a model computes from constants as Σ_t A_t ⊗ S_t, as exporters write hypercomplex (PHM) layers, become sums of <see cref="Kronecker"/> weights instead of dense ones:
/// products and moves of axes are followed by their indices, however they are written (Mul, Einsum, ReduceSum, Add, Reshape, Transpose and the like). The sum is rounded once
/// instead of at each step.
/// </summary>
public sealed class KroneckerSums : Rewrite
{
    private const int MostTerms = 256;

    /// <inheritdoc/>
    public override string Name => "Kronecker sums";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        var made = MadeOfConstants(graph);
        var plain = new Dictionary<Value, Tensor>();
        var products = new Dictionary<Value, IReadOnlyList<IndexedProduct>>();
        foreach (var n in graph.Nodes)
        {
            if (!made.Contains(n)) continue;
            try
            {
                if (!Small(n, plain, context) && n.Outputs is [{ } y, ..] && Follow(n, plain, products) is { Count: <= MostTerms } terms) products[y] = terms;
            }
            catch (EngineException)
            {
                // Left for planning, which reports it where it is really run.
            }
        }
        int places = 0;
        foreach (var w in Weights(graph))
            if (products.TryGetValue(w, out var terms) && Sum(terms) is { } sum) (w.Constant, places) = (sum, places + 1);
        if (places > 0) Drop(graph, made);
        return places;
    }

    private static IEnumerable<Value> Weights(ModelGraph graph) => graph.Nodes.Where(n => n.Op is MatMul or FusedMatMul or Gemm or Conv).Select(n => n.Input(1)).OfType<Value>().Distinct();

    // The nodes that make weights out of constants alone, where a product is among them.
    private static HashSet<Node> MadeOfConstants(ModelGraph graph)
    {
        var makers = new Dictionary<Value, Node>();
        bool IsConstant(Value? v) => v is null || v.Constant is Dense || makers.ContainsKey(v);
        foreach (var n in graph.Nodes)
            if (n.Op.Kind != OperatorKind.Dynamic && !n.Op.IsRandom && n.Op.Subgraphs.Count == 0 && n.Op.Name != "DequantizeLinear" && n.Epilogue.Count == 0 && n.Inputs.All(IsConstant))
                foreach (var v in n.Outputs.OfType<Value>()) makers[v] = n;
        var found = new HashSet<Node>();
        foreach (var w in Weights(graph))
        {
            var way = new HashSet<Node>();
            var open = new Stack<Value>([w]);
            while (open.TryPop(out var v))
                if (makers.TryGetValue(v, out var n) && way.Add(n))
                    foreach (var i in n.Inputs.OfType<Value>()) open.Push(i);
            if (way.Any(n => n.Op is Mul or Einsum)) found.UnionWith(way);
        }
        return found;
    }

    // What is no larger than what it is made of is computed: parts of factors, sizes, axes.
    private static bool Small(Node n, Dictionary<Value, Tensor> plain, RewriteContext context)
    {
        Tensor?[] values = [.. n.Inputs.Select(v => v is null ? null : v.ConstantTensor ?? plain.GetValueOrDefault(v))];
        for (int i = 0; i < values.Length; i++) if (n.Inputs[i] is not null && values[i] is null or { DType: DType.String }) return false;
        var types = new InferContext([.. values.Select(v => v?.Type)], values, n.Outputs.Count);
        n.Op.Infer(types);
        if (types.Missing.Count > 0 || types.Outputs.Any(t => t is { DType: DType.String }) || types.Outputs.Sum(t => (double)(t?.Bytes ?? 0)) > values.Sum(v => (double)(v?.ByteLength ?? 0))) return false;
        if (context.Evaluator.Evaluate(n, values) is not { } results) return false;
        for (int i = 0; i < n.Outputs.Count; i++)
            if (n.Outputs[i] is { } v && results[i] is Tensor t) plain[v] = t;
        return true;
    }

    // The terms that a node's output is the sum of.
    private static IReadOnlyList<IndexedProduct>? Follow(Node n, Dictionary<Value, Tensor> plain, Dictionary<Value, IReadOnlyList<IndexedProduct>> products)
    {
        IReadOnlyList<IndexedProduct>? Of(Value? v) => v is null ? null
            : products.TryGetValue(v, out var terms) ? terms
            : (v.ConstantTensor ?? plain.GetValueOrDefault(v)) is { DType: DType.F32 } t ? [IndexedProduct.Of(t)] : null;
        if (n.Outputs is not [{ Quantization: null }] || Of(n.Input(0)) is not { Count: > 0 } x) return null;
        IReadOnlyList<IndexedProduct>? Each(Func<IndexedProduct, IndexedProduct?> make) => x.Select(make).ToList() is var y && y.TrueForAll(p => p is not null) ? [.. y.Select(p => p!)] : null;
        switch (n.Op)
        {
            case Transpose t:
                return Each(p => p.Transpose(t.Permutation(p.Axes.Count)));
            case ReduceSum r:
                long[]? axes = n.Input(1) is { } at ? (at.ConstantTensor ?? plain.GetValueOrDefault(at))?.ToLongs() : null;
                if (n.Input(1) is not null && axes is null || r.Reduced(x[0].Shape, axes) is not { } reduced || Result(n, x[0].Shape, plain) is not { } kept) return null;
                return Each(p => p.Sum(i => reduced[i]).Reshape(kept));
            case { Kind: OperatorKind.View }:
                return Result(n, x[0].Shape, plain) is { } to ? Each(p => p.Reshape(to)) : null;
            case Add or Operators.Sum:
                var all = n.Inputs.Select(Of).ToList();
                return all.TrueForAll(t => t is not null && t[0].Shape == x[0].Shape) ? [.. all.SelectMany(t => t!)] : null;
            case Mul:
                return x.Count == 1 && Of(n.Input(1)) is [var other] && IndexedProduct.Multiply(x[0], other) is { } product ? [product] : null;
            case Einsum e:
                var operands = n.Inputs.Select(Of).ToList();
                if (!operands.TrueForAll(t => t is { Count: 1 })) return null;
                return IndexedProduct.Contract(e.Geometry([.. operands.Select(t => t![0].Shape)]), [.. operands.Select(t => t![0])]) is { } contracted ? [contracted] : null;
            default:
                return null;
        }
    }

    // The shape of a node's output, its other inputs being plain.
    private static Shape? Result(Node n, Shape x, Dictionary<Value, Tensor> plain)
    {
        Tensor?[] values = [null, .. n.Inputs.Skip(1).Select(v => v is null ? null : v.ConstantTensor ?? plain.GetValueOrDefault(v))];
        var c = new InferContext([new TensorType(DType.F32, x), .. values.Skip(1).Select(v => v?.Type)], values, 1);
        n.Op.Infer(c);
        return c.Missing.Count == 0 ? c.Outputs[0]?.Shape : null;
    }

    private static Weight? Sum(IReadOnlyList<IndexedProduct> products)
    {
        List<Weight> terms = [];
        foreach (var p in products)
        {
            if (p.Kroneckers(MostTerms - terms.Count) is not { } more) return null;
            terms.AddRange(more);
        }
        return terms.Count == 1 ? terms[0] : new WeightSum(terms);
    }

    private static void Drop(ModelGraph graph, HashSet<Node> made)
    {
        HashSet<Value> read = [.. graph.Outputs];
        var kept = new List<Node>();
        foreach (var n in Enumerable.Reverse(graph.Nodes))
        {
            if (made.Contains(n) && !n.Outputs.Any(v => v is { Constant: null } && read.Contains(v))) continue;
            kept.Add(n);
            read.UnionWith(n.Inputs.OfType<Value>());
            foreach (var g in n.Op.Subgraphs) read.UnionWith(g.Captures());
        }
        kept.Reverse();
        graph.Nodes = kept;
    }
}
