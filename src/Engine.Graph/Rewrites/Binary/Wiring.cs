namespace Engine.Graph;

/// <summary>Who makes and who reads the wires of a graph.</summary>
internal sealed class Wiring
{
    private readonly Dictionary<Value, Node> _makers = [];
    private readonly Dictionary<Value, List<Node>> _readers = [];
    private readonly HashSet<Value> _kept;

    public Wiring(ModelGraph graph)
    {
        _kept = [.. graph.Outputs];
        foreach (var n in graph.Nodes)
        {
            foreach (var v in n.Inputs)
                if (v is not null) (_readers.TryGetValue(v, out var list) ? list : _readers[v] = []).Add(n);
            foreach (var g in n.Op.Subgraphs) _kept.UnionWith(g.Captures());
            foreach (var v in n.Outputs) if (v is not null) _makers[v] = n;
        }
    }

    /// <summary>The node that makes a wire, or null.</summary>
    public Node? Maker(Value v) => _makers.GetValueOrDefault(v);

    /// <summary>The node that makes a wire that has one reader only; else null.</summary>
    public Node? Before(Value v) => Reader(v) is null ? null : Maker(v);

    /// <summary>The only reader of a wire, or null where there are others, or none.</summary>
    public Node? Reader(Value v) => !_kept.Contains(v) && v.Quantization is null && _readers.TryGetValue(v, out var list) && list is [var one] ? one : null;

    /// <summary>The nodes that read a wire.</summary>
    public IReadOnlyList<Node> Readers(Value v) => _readers.TryGetValue(v, out var list) ? list : [];
}
