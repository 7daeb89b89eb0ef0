using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Makes the graph without the channels given. The source stays as it is.</summary>
internal sealed class PrunedGraph
{
    private readonly ChannelAnalysis _analysis;
    private readonly IReadOnlySet<int> _removed;
    private readonly Dictionary<Value, Value> _values = [];

    private readonly IReadOnlyDictionary<Value, Tensor> _changed;

    // Results of the graph, and what graphs inside it read: they keep all channels, and their readers are not rebuilt.
    private readonly HashSet<Value> _fixed = [];

    private PrunedGraph(ChannelAnalysis analysis, IReadOnlySet<int> removed, IReadOnlyDictionary<Value, Tensor> changed) => (_analysis, _removed, _changed) = (analysis, removed, changed);

    /// <summary>The graph without <paramref name="removed"/> sets; nodes keep their names and order. Constants in <paramref name="changed"/> have other values beforehand.</summary>
    public static ModelGraph Of(ModelGraph graph, ChannelAnalysis analysis, IReadOnlySet<int> removed, IReadOnlyDictionary<Value, Tensor> changed) => new PrunedGraph(analysis, removed, changed).Build(graph);

    /// <summary>Entries of a constant's axis that stay; null where all do.</summary>
    public static int[]? Kept(ChannelAnalysis analysis, IReadOnlySet<int> removed, int[]? labels)
    {
        if (labels is null) return null;
        int[] kept = [.. Enumerable.Range(0, labels.Length).Where(i => !removed.Contains(analysis.Sets.Find(labels[i])))];
        return kept.Length == labels.Length ? null : kept;
    }

    private ModelGraph Build(ModelGraph graph)
    {
        var y = new ModelGraph(graph.Name);
        y.Inputs.AddRange(graph.Inputs);
        y.Outputs.AddRange(graph.Outputs);
        _fixed.UnionWith(graph.Outputs.Concat(graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(g => g.Captures())));
        foreach (var n in graph.Nodes) y.Nodes.Add(Rebuild(n));
        return y;
    }

    private Node Rebuild(Node n)
    {
        Value?[] inputs = [.. n.Inputs.Select(Map)];
        var op = n.Op;
        if (op is Conv { Group: > 1 } && inputs[1]!.ConstantTensor is { } w && w.Shape[0] != n.Inputs[1]!.ConstantTensor!.Shape[0]) op = new Conv(op.Attributes.With("group", w.Shape[0]));
        if (op is Reshape && n.Input(1) is { ConstantTensor: { } to } shape && _analysis.Of(n.Outputs[0]!) is not null)
        {
            long[] left = _analysis.Left(n.Outputs[0]!, _removed), dims = to.ToLongs();
            for (int i = 0; i < dims.Length; i++) if (dims[i] > 0) dims[i] = left[i];
            inputs[1] = Value.Of(shape.Name, Tensor.Vector<long>(dims));
        }
        // Wires of other shapes than the model declares.
        var outputs = n.Outputs.Select(v => v is null ? null : _fixed.Contains(v) || _analysis.Of(v) is null ? v : _values[v] = new Value(v.Name)).ToList();
        return new Node(n.Name, op, inputs, outputs);
    }

    private Value? Map(Value? v)
    {
        if (v is null || _values.TryGetValue(v, out var known)) return v is null ? null : _values[v];
        if (!_analysis.Constants.TryGetValue(v, out var axes)) return v;
        var t = _changed.GetValueOrDefault(v) ?? v.ConstantTensor!;
        for (int axis = 0; axis < axes.Length; axis++)
            if (Kept(_analysis, _removed, axes[axis]) is { } kept) t = Entries(t, axis, kept);
        return _values[v] = ReferenceEquals(t, v.ConstantTensor) ? v : Value.Of(v.Name, t);
    }

    private static Tensor Entries(Tensor t, int axis, int[] kept)
    {
        var y = Tensor.Allocate(t.DType, t.Shape.With(axis, kept.Length));
        int inner = Checked.Int(t.Shape.Product(axis + 1, t.Shape.Rank)), n = t.Shape.Int(axis), outer = Checked.Int(t.Shape.Product(0, axis));
        ReadOnlySpan<float> from = t.Span<float>();
        var to = y.Span<float>();
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < kept.Length; i++) from.Slice((o * n + kept[i]) * inner, inner).CopyTo(to[((o * kept.Length + i) * inner)..]);
        return y;
    }
}
