using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>The layers of signs of a graph: found as loading finds them, then stored as bits, or as trees where those run faster.</summary>
internal sealed class BinaryLayers
{
    // Mean |D| / N below which a tree is taken where nothing was measured: up to it trees were faster than shared sums on all shapes of bench/results/zen5-2core/binary-trees.md, beyond it not on all.
    private const double BreakEven = 0.2;

    // Two measurements of one kernel differ by so much.
    private const double Tolerance = 1.05;
    private const int MostReasons = 12;

    private readonly ModelGraph _graph;
    private readonly Dictionary<string, string> _reasons;

    private BinaryLayers(ModelGraph graph, IReadOnlyList<LayerNote> notes)
    {
        _graph = graph;
        _reasons = notes.GroupBy(n => n.Layer).ToDictionary(g => g.Key, g => g.First().Reason);
    }

    /// <summary>Rewrites the graph so that its layers of signs are <see cref="BinaryConv"/>. Throws <see cref="InputException"/> with the reason of each layer where there is none.</summary>
    public static BinaryLayers Find(ModelGraph graph, RewriteContext context)
    {
        var pass = new BinaryNetworks();
        pass.Apply(graph, context);
        if (BinaryLayerReport.Of(graph).Count > 0) return new(graph, pass.Notes);
        var reasons = pass.Notes.Select(n => $"'{n.Layer}': {n.Reason}").ToList();
        string rest = reasons.Count > MostReasons ? $"; and {reasons.Count - MostReasons} more" : "";
        throw new InputException("no layer of the model is binary: " + (reasons.Count == 0 ? "it takes the sign of nothing that a convolution or product reads" : string.Join("; ", reasons.Take(MostReasons)) + rest));
    }

    /// <summary>Chooses the form of each layer; the graph then holds it.</summary>
    public IReadOnlyList<BinaryLayerReport> Store(CompressionOptions options, IReadOnlyDictionary<Value, TensorType>? types, Workers workers, CancellationToken cancellation)
    {
        var probe = options.Latencies is null || types is null ? null : new BinaryProbe(options, types, workers);
        List<BinaryLayerReport> reports = [];
        for (int i = 0; i < _graph.Nodes.Count; i++)
        {
            var n = _graph.Nodes[i];
            if (n.Op is not BinaryConv op || n.Inputs[1]?.Constant is not (Binary or BinaryTree)) continue;
            options.Progress($"{n.Name} tree");
            var signs = n.Inputs[1]!.Constant is BinaryTree stored ? stored.ToBinary() : (Binary)n.Inputs[1]!.Constant!;
            string? why = op.Conv.Group > 1 ? "channels of different groups read different inputs" : signs.Rows < 2 ? "one channel is no tree" : !SlicedProgram.Supports(signs.Rows, signs.Columns) ? $"no kernel for trees takes {signs.Columns} inputs" : null;
            var tree = why is not null ? null : NegatedRows.Fits(n) ? SpanningTree.UpToSign(signs, cancellation) : new(SpanningTree.Of(signs, cancellation), new bool[signs.Rows]);
            reports.Add(Choose(n, signs, tree, why, options, probe, out var chosen, cancellation));
            _graph.Nodes[i] = chosen;
        }
        return reports;
    }

    private BinaryLayerReport Choose(Node n, Binary signs, SignedTree? tree, string? why, CompressionOptions options, BinaryProbe? probe, out Node chosen, CancellationToken cancellation)
    {
        var inputs = n.Inputs.ToList();
        inputs[1] = new Value(n.Inputs[1]!.Name) { Constant = signs };
        var bits = new Node(n.Name, n.Op, inputs, n.Outputs);
        var report = BinaryLayerReport.Of(bits) with { Differences = tree?.Tree.Differences, Depth = tree?.Tree.Depth };
        if (probe is not null) report = probe.Of(report, bits, signs, tree?.Tree, cancellation);
        if (why is null && !options.NoFallback)
            why = report.TreeNanoseconds is { } own && report.OtherNanoseconds is { } other ? own > other * Tolerance ? FormattableString.Invariant($"a tree measures {(double)own / other:0.00} times as long") : null
                : report.MeanDifference > BreakEven ? FormattableString.Invariant($"channels differ from their parents in {report.MeanDifference:P0} of their inputs, more than {BreakEven:P0}") : null;
        chosen = why is null ? NegatedRows.Apply(bits, tree!) : bits;
        string reason = string.Join("; ", new[] { _reasons.GetValueOrDefault(n.Name), why }.Where(r => r?.Length > 0));
        return report with { IsTree = why is null, Bytes = chosen.Inputs[1]!.Constant!.StoredBytes, Negated = why is null ? tree!.Negated.Count(b => b) : 0, Reason = reason };
    }
}
