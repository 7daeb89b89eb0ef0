using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Two products in a row with constant thin matrices become one with a <see cref="LowRank"/> weight, which runs as one step and whose ranks can be
/// cut short: how low-rank layers come from formats that have no word for them.
/// </summary>
public sealed class LowRankProducts : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "low-rank products";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        int places = 0;
        var uses = new Uses(graph);
        var makers = new Dictionary<Value, Node>();
        foreach (var n in graph.Nodes.ToList())
        {
            if (IsProduct(n) && n.Input(0) is { } ranks && makers.TryGetValue(ranks, out var first) && uses.Of(ranks) == 1 && Join(first, n) is { } joined)
            {
                graph.Nodes[graph.Nodes.IndexOf(n)] = joined;
                graph.Nodes.Remove(first);
                places++;
            }
            else if (IsProduct(n) && n.Input(2) is null && n.Op is not (FusedMatMul { Alpha: not 1 } or Gemm { Alpha: not 1 }) && n.Outputs is [{ Quantization: null } y]) makers[y] = n;
        }
        return places;
    }

    // A row of the left operand meets all of the right one.
    private static bool IsProduct(Node n) =>
        n.Op is MatMul or FusedMatMul or Gemm && !n.Op.Attributes.Bool("transA") && !n.Op.Attributes.Bool("transBatchA") && !n.Op.Attributes.Bool("transBatchB") && n.Epilogue.Count == 0
        && n.Input(1)?.Constant is { Shape.Rank: 2, DType: DType.F32 } and (Dense or Quantized);

    private static Node? Join(Node first, Node second)
    {
        Weight a = first.Inputs[1]!.Constant!, b = second.Inputs[1]!.Constant!;
        bool aRanksFirst = first.Op.Attributes.Bool("transB"), bTransposed = second.Op.Attributes.Bool("transB");
        long rank = a.Shape[aRanksFirst ? 0 : 1], inputs = a.Shape[aRanksFirst ? 1 : 0], outputs = b.Shape[bTransposed ? 0 : 1];
        if (rank == 0 || b.Shape[bTransposed ? 1 : 0] != rank || rank * (inputs + outputs) >= inputs * outputs) return null;
        // What one of them may not round, neither does.
        if (first.Op.Attributes.Int("accuracy_level", 0) != second.Op.Attributes.Int("accuracy_level", 0)) return null;
        Weight u = aRanksFirst ? a : Turned(a), v = bTransposed ? Turned(b) : b;
        var w = new Value(second.Inputs[1]!.Name) { Constant = new LowRank(new Shape(inputs, outputs), u, v) };
        var attributes = bTransposed ? second.Op.Attributes.With("transB", 0L) : second.Op.Attributes;
        Operator op = second.Op switch { Gemm when bTransposed => new Gemm(attributes), FusedMatMul when bTransposed => new FusedMatMul(attributes), var same => same };
        return new Node(second.Name, op, [first.Inputs[0], w, .. second.Inputs.Skip(2)], second.Outputs);
    }

    private static Weight Turned(Weight w) => w is Quantized q ? q.Transposed() : new Dense(((Dense)w).Values.Transposed());
}
