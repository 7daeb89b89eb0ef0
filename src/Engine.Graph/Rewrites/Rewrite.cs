namespace Engine.Graph;

/// <summary>A change of a graph that keeps what it computes. Rewrites run once, at load, before shapes are known.</summary>
public abstract class Rewrite
{
    /// <summary>Name for reports.</summary>
    public abstract string Name { get; }

    /// <summary>What it has to say of single layers so far.</summary>
    public virtual IReadOnlyList<LayerNote> Notes => [];

    /// <summary>Changes <paramref name="graph"/> (not its subgraphs); the number of places changed.</summary>
    public abstract int Apply(ModelGraph graph, RewriteContext context);
}

/// <summary>What rewrites may use.</summary>
/// <param name="Evaluator">Computes nodes on constants.</param>
public sealed record RewriteContext(IEvaluator Evaluator)
{
    /// <summary>Constants folded may grow to at most this many bytes each, or to four times their inputs, as signs in int8 do that are cast to f32.</summary>
    public long MaxFoldedBytes { get; init; } = 1 << 20;
}

/// <summary>What a rewrite did.</summary>
/// <param name="Rewrite">Its name.</param>
/// <param name="Places">Number of places changed.</param>
public sealed record RewriteReport(string Rewrite, int Places)
{
    /// <summary>What it has to say of single layers.</summary>
    public IReadOnlyList<LayerNote> Notes { get; init; } = [];
}

/// <summary>The rewrites in their order.</summary>
public static class Rewriter
{
    /// <summary>Rewrites the graph and its subgraphs; level 0 changes nothing.</summary>
    public static IReadOnlyList<RewriteReport> Run(ModelGraph graph, RewriteContext context, int level)
    {
        if (level < 1) return [];
        Rewrite[] passes = [new KroneckerSums(), new ConstantFolding(), new RemoveIdentities(), new QOperatorLowering(wires: level >= 2), new QdqLowering(wires: level >= 2), new NBitsLowering(), new ClipBounds(), new FoldPad(), .. level >= 2 ? [new BinaryNetworks()] : Array.Empty<Rewrite>(), new FoldBatchNorm(), new LowRankProducts()];
        return [.. passes.Select(p => new RewriteReport(p.Name, Apply(p, graph, context)) { Notes = p.Notes })];
    }

    /// <summary>
    /// Finds the binary layers of a graph so that it can be stored with a bit a weight; their number. A graph without signs stays as it is, in any other constants are folded first, as weights of signs
    /// are often computed.
    /// </summary>
    public static int ApplyBinary(ModelGraph graph, RewriteContext context)
    {
        if (!BinaryNetworks.HasSigns(graph)) return 0;
        foreach (Rewrite pass in (Rewrite[])[new ConstantFolding(), new RemoveIdentities(), new FoldPad()]) Apply(pass, graph, context);
        return Apply(new BinaryNetworks(), graph, context);
    }

    /// <summary>Runs one rewrite over the graph and its subgraphs; the number of places changed.</summary>
    public static int Apply(Rewrite pass, ModelGraph graph, RewriteContext context)
    {
        int places = pass.Apply(graph, context);
        foreach (var n in graph.Nodes)
            foreach (var g in n.Op.Subgraphs) places += Apply(pass, g, context);
        return places;
    }
}

/// <summary>Who reads a wire.</summary>
public sealed class Uses
{
    private readonly Dictionary<Value, int> _count = [];

    /// <summary>Counts reads by nodes, by subgraphs and as outputs.</summary>
    public Uses(ModelGraph graph)
    {
        foreach (var n in graph.Nodes)
        {
            foreach (var v in n.Inputs) Add(v);
            foreach (var g in n.Op.Subgraphs)
                foreach (var v in g.Captures()) Add(v);
        }
        foreach (var v in graph.Outputs) Add(v);
    }

    /// <summary>Number of readers.</summary>
    public int Of(Value v) => _count.GetValueOrDefault(v);

    private void Add(Value? v)
    {
        if (v is not null) _count[v] = _count.GetValueOrDefault(v) + 1;
    }
}
