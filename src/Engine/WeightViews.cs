using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine;

/// <summary>The programs of one graph with other weights in the place of some: ranks cut short, adapters added. All share storage and packed weights.</summary>
internal sealed class WeightViews(ModelGraph graph, Func<IReadOnlyDictionary<Value, Value>, Program> make)
{
    private readonly Dictionary<(RankLimit?, string), Program> _programs = [];
    private readonly List<Adapter> _known = [];
    private readonly Lock _lock = new();

    /// <summary>The program for a choice, made once. Throws <see cref="InputException"/> where an adapter does not fit the model.</summary>
    public Program Of(RankLimit? rank, IReadOnlyList<Adapter> adapters)
    {
        rank?.Require();
        lock (_lock)
        {
            foreach (var a in adapters) if (!_known.Contains(a)) _known.Add(a);
            var key = (rank, string.Join(' ', adapters.Select(a => _known.IndexOf(a))));
            return _programs.TryGetValue(key, out var p) ? p : _programs[key] = make(Views(rank, adapters));
        }
    }

    /// <summary>Adds adapters to the weights for good.</summary>
    public static void Merge(ModelGraph graph, IReadOnlyList<Adapter> adapters)
    {
        foreach (var (constant, w) in Added(graph, adapters)) constant.Constant = new Dense(w.Decode());
    }

    private Dictionary<Value, Value> Views(RankLimit? rank, IReadOnlyList<Adapter> adapters)
    {
        var views = new Dictionary<Value, Value>();
        void Put(Value v, Weight w)
        {
            if (w != v.Constant) views[v] = new Value(v.Name, v.Declared) { Constant = w };
        }
        if (rank is { } limit)
            foreach (var v in Constants(graph)) Put(v, limit.Of(v.Constant!));
        foreach (var (v, w) in Added(graph, adapters)) Put(v, views.TryGetValue(v, out var cut) ? new WeightSum([cut.Constant!, .. ((WeightSum)w).Terms.Skip(1)]) : w);
        return views;
    }

    private static Dictionary<Value, WeightSum> Added(ModelGraph graph, IReadOnlyList<Adapter> adapters)
    {
        var sums = new Dictionary<Value, WeightSum>();
        if (adapters.Count == 0) return sums;
        var products = Products(graph).ToList();
        foreach (var a in adapters)
            foreach (var (v, delta) in a.On(products))
                sums[v] = new WeightSum([.. sums.TryGetValue(v, out var s) ? s.Terms : [v.Constant!], delta]);
        return sums;
    }

    private static IEnumerable<(Value, Node)> Products(ModelGraph graph) => graph.Nodes.SelectMany(n =>
        (n.Op is MatMul or FusedMatMul or Gemm && n.Input(1) is { Constant.Shape.Rank: 2 } v ? [(v, n)] : Array.Empty<(Value, Node)>()).Concat(n.Op.Subgraphs.SelectMany(Products)));

    private static IEnumerable<Value> Constants(ModelGraph graph) => graph.Constants.Concat(graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(Constants)).Distinct();
}
