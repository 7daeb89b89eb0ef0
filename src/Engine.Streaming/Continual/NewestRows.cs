using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>Which rows of a window are read of each wire: where it is only the newest, only that one is computed.</summary>
internal static class NewestRows
{
    /// <summary>Wires of which only the newest row is read.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="rowwise">Nodes each of whose rows depends on the same row of their operands.</param>
    /// <param name="picks">Nodes that read the newest row of their first operand.</param>
    /// <param name="chains">Attention.</param>
    public static HashSet<Value> Find(ModelGraph graph, IReadOnlySet<Node> rowwise, IReadOnlySet<Node> picks, IReadOnlyCollection<AttentionChain> chains)
    {
        var newest = new HashSet<Value>();
        var products = chains.ToDictionary(c => c.Product);
        var scores = chains.ToDictionary(c => c.Inner[0]);
        var readers = graph.Nodes.SelectMany(n => n.Inputs.OfType<Value>().Distinct().Select(v => (v, n))).ToLookup(p => p.v, p => p.n);
        var kept = graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(g => g.Captures()).Concat(graph.Outputs).ToHashSet();
        foreach (var n in graph.Nodes.AsEnumerable().Reverse())
            if ((rowwise.Contains(n) || products.ContainsKey(n)) && n.Outputs.OfType<Value>().All(v => !kept.Contains(v) && readers[v].Any() && readers[v].All(r => IsNewest(r, v))))
                newest.UnionWith(n.Outputs.OfType<Value>());
        return newest;

        bool IsNewest(Node reader, Value v) => picks.Contains(reader) || reader.Op is ShapeOf || rowwise.Contains(reader) && reader.Outputs.All(o => o is null || newest.Contains(o))
            || scores.TryGetValue(reader, out var chain) && chain.Query == v && chain.Key != v && newest.Contains(chain.Output);
    }

    /// <summary>True where a node keeps of its first operand the newest of <paramref name="window"/> rows along <paramref name="axis"/> alone.</summary>
    public static bool IsPick(Node n, Shape x, int axis, long window, Func<Value, Tensor?> known)
    {
        long[]? Longs(int i) => n.Input(i) is { } v ? known(v)?.ToLongs() : null;
        switch (n.Op)
        {
            case Gather g when g.Axis(x) == axis && Longs(1) is [long i]:
                return i == -1 || i == window - 1;
            case Slice s when n.Inputs.Skip(1).All(v => v is null || known(v) is not null):
                var part = s.Resolve(x.With(axis, window), Longs(1) ?? [], Longs(2) ?? [], Longs(3), Longs(4));
                return part[axis] is (var start, _, 1) && start == window - 1 && Enumerable.Range(0, x.Rank).All(i => i == axis || part[i] == (0, 1, x[i]));
            default:
                return false;
        }
    }
}
