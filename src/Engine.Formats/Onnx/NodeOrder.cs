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

        if (IsSorted(nodes, producer, scope)) return [.. Enumerable.Range(0, nodes.Count)];

        var readers = new List<int>?[nodes.Count];
        var waits = new int[nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (string name in Reads(nodes[i]))
            {
                if (!IsWaitedFor(name, producer, scope, out int p)) continue;
                (readers[p] ??= []).Add(i);
                waits[i]++;
            }
        }
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

    private static bool IsSorted(IReadOnlyList<NodeProto> nodes, Dictionary<string, int> producer, Scope scope)
    {
        for (int i = 0; i < nodes.Count; i++)
            foreach (string name in Reads(nodes[i]))
                if (IsWaitedFor(name, producer, scope, out int p) && p >= i) return false;
        return true;
    }

    // What the scope has already (inputs, initializers) is not waited for.
    private static bool IsWaitedFor(string name, Dictionary<string, int> producer, Scope scope, out int node) => producer.TryGetValue(name, out node) && !scope.Defines(name);

    private static IEnumerable<string> Reads(NodeProto node)
    {
        HashSet<string>? captured = null;
        foreach (var a in node.Attribute)
        {
            if (a.G is not null) (captured ??= new(node.Input, StringComparer.Ordinal)).UnionWith(Captures(a.G));
            foreach (var g in a.Graphs) (captured ??= new(node.Input, StringComparer.Ordinal)).UnionWith(Captures(g));
        }
        return captured ?? (IEnumerable<string>)node.Input;
    }

    private static HashSet<string> Captures(GraphProto graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var n in graph.Node) names.UnionWith(Reads(n));
        foreach (var o in graph.Output) names.Add(o.Name);
        foreach (var n in graph.Node) names.ExceptWith(n.Output);
        foreach (var i in graph.Input) names.Remove(i.Name);
        foreach (var t in graph.Initializer) names.Remove(t.Name);
        foreach (var t in graph.SparseInitializer) names.Remove(t.Values?.Name ?? "");
        return names;
    }
}
