using Engine.Formats.Onnx.Proto;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>An order in which every node comes after the producers of what it reads, its subgraphs' captures included.</summary>
internal static class NodeOrder
{
    /// <summary>Indices of nodes; the file's own order when that is a valid one, as the format asks.</summary>
    public static IReadOnlyList<int> Of(IReadOnlyList<NodeProto> nodes, Scope scope, string graph, string? file)
    {
        var producer = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < nodes.Count; i++)
            foreach (string o in nodes[i].Output)
                if (o.Length > 0) producer[o] = i;

        var readers = new List<int>?[nodes.Count];
        var waits = new int[nodes.Count];
        bool sorted = true;
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (string name in Reads(nodes[i]))
            {
                // What the scope has already (inputs, initializers) is not waited for.
                if (!producer.TryGetValue(name, out int p) || scope.Defines(name)) continue;
                (readers[p] ??= []).Add(i);
                waits[i]++;
                sorted &= p < i;
            }
        }
        if (sorted) return [.. Enumerable.Range(0, nodes.Count)];

        var order = new List<int>(nodes.Count);
        var ready = new PriorityQueue<int, int>();
        for (int i = 0; i < nodes.Count; i++)
            if (waits[i] == 0) ready.Enqueue(i, i);
        while (ready.TryDequeue(out int i, out _))
        {
            order.Add(i);
            foreach (int r in readers[i] ?? [])
                if (--waits[r] == 0) ready.Enqueue(r, r);
        }
        if (order.Count < nodes.Count)
        {
            var stuck = nodes[Array.FindIndex(waits, w => w > 0)];
            throw new InvalidModelException($"graph '{graph}' has a cycle through node '{stuck.Name}' ({stuck.OpType})", file);
        }
        return order;
    }

    private static HashSet<string> Reads(NodeProto node)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (string i in node.Input)
            if (i.Length > 0) names.Add(i);
        foreach (var a in node.Attribute)
        {
            if (a.G is not null) names.UnionWith(Captures(a.G));
            foreach (var g in a.Graphs) names.UnionWith(Captures(g));
        }
        return names;
    }

    // Names of initializers are inside their bytes; one that shadows an outer name can only add a false wait.
    private static HashSet<string> Captures(GraphProto graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var n in graph.Node) names.UnionWith(Reads(n));
        foreach (var o in graph.Output) names.Add(o.Name);
        foreach (var n in graph.Node) names.ExceptWith(n.Output);
        foreach (var i in graph.Input) names.Remove(i.Name);
        return names;
    }
}
