using Engine.Graph;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// What a network costs when each group of channels keeps a part: a weight has as many entries as the product of what two axes keep, so that costs belong to groups and to pairs of groups, and
/// add up to the exact number.
/// </summary>
internal sealed class ChannelCosts
{
    private readonly Dictionary<int, int> _groups = [];
    private readonly IReadOnlyList<IReadOnlyList<IReadOnlySet<int>>> _removed;
    private readonly ChannelAnalysis _analysis;

    private ChannelCosts(ChannelAnalysis analysis, IReadOnlyList<ChannelGroup> groups, IReadOnlyList<IReadOnlyList<IReadOnlySet<int>>> removed)
    {
        (_analysis, _removed) = (analysis, removed);
        for (int g = 0; g < groups.Count; g++)
            foreach (int s in groups[g].Sets) _groups[s] = g;
        Single = [.. removed.Select(r => new long[r.Count])];
    }

    /// <summary>What no group changes.</summary>
    public long Fixed { get; private set; }

    /// <summary>By group and option.</summary>
    public IReadOnlyList<long[]> Single { get; }

    /// <summary>By two groups and their options.</summary>
    public Dictionary<(int, int), long[,]> Pairs { get; } = [];

    /// <summary>
    /// Costs of the options: sets of channels removed, by group. <paramref name="kind"/> counts bytes of f32 constants, weights of layers, or multiplications of products in a run with
    /// <paramref name="types"/>.
    /// </summary>
    public static ChannelCosts Of(ModelGraph graph, ChannelAnalysis analysis, IReadOnlyDictionary<Value, TensorType> types, IReadOnlyList<ChannelGroup> groups, IReadOnlyList<IReadOnlyList<IReadOnlySet<int>>> removed, BudgetKind kind)
    {
        var c = new ChannelCosts(analysis, groups, removed);
        if (kind == BudgetKind.Size)
            foreach (var v in LayerScan.Constants(graph)) c.Add(v, v.Constant!.StoredBytes);
        else
            foreach (var l in LayerScan.Of(graph))
                if (kind == BudgetKind.Weights) c.Add(l.Node.Inputs[l.Input]!, l.Weight.Shape.Elements);
                else if (l.IsProduct && l.Rows > 0) c.Add(l.Node.Inputs[l.Input]!, Checked.Mul(l.Weight.Shape.Elements, types[l.Node.Outputs[0]!].Shape.Elements / l.Rows));
        return c;
    }

    /// <summary>The cost of one option a group.</summary>
    public long Of(IReadOnlyList<int> options) =>
        Fixed + Single.Select((s, g) => s[options[g]]).Sum() + Pairs.Sum(p => p.Value[options[p.Key.Item1], options[p.Key.Item2]]);

    // A constant that costs `whole` with all its entries.
    private void Add(Value v, long whole)
    {
        int[][] axes = _analysis.Constants.TryGetValue(v, out var labels) ? [.. labels.OfType<int[]>().Where(a => Array.Exists(a, l => _groups.ContainsKey(_analysis.Sets.Find(l))))] : [];
        if (whole == 0) return;
        if (axes.Length is 0 or > 2)
        {
            // More than two axes: counted as if all stayed.
            Fixed += whole;
            return;
        }
        var a = new Axis(this, axes[0]);
        var b = axes.Length == 2 ? new Axis(this, axes[1]) : Axis.One;
        long unit = whole / (axes[0].Length * (long)(axes.Length == 2 ? axes[1].Length : 1));
        Fixed += unit * a.Fixed * b.Fixed;
        foreach (var (g, of) in a.Of) AddTo(Single[g], o => unit * of[o] * b.Fixed);
        foreach (var (h, of) in b.Of) AddTo(Single[h], o => unit * of[o] * a.Fixed);
        foreach (var (g, x) in a.Of)
            foreach (var (h, y) in b.Of)
                if (g == h) AddTo(Single[g], o => unit * x[o] * y[o]);
                else
                {
                    var pair = Pairs.TryGetValue(g < h ? (g, h) : (h, g), out var known) ? known : Pairs[g < h ? (g, h) : (h, g)] = new long[Single[Math.Min(g, h)].Length, Single[Math.Max(g, h)].Length];
                    for (int i = 0; i < x.Length; i++)
                        for (int j = 0; j < y.Length; j++) pair[g < h ? i : j, g < h ? j : i] += unit * x[i] * y[j];
                }
    }

    private static void AddTo(long[] sums, Func<int, long> of)
    {
        for (int o = 0; o < sums.Length; o++) sums[o] += of(o);
    }

    /// <summary>Entries of an axis: those that stay, and by group those that each option keeps.</summary>
    private sealed class Axis
    {
        public static Axis One { get; } = new() { Fixed = 1 };

        private Axis() { }

        public Axis(ChannelCosts c, int[] labels)
        {
            foreach (int l in labels)
            {
                int set = c._analysis.Sets.Find(l);
                if (!c._groups.TryGetValue(set, out int g))
                {
                    Fixed++;
                    continue;
                }
                var kept = Of.TryGetValue(g, out var known) ? known : Of[g] = new long[c._removed[g].Count];
                for (int o = 0; o < kept.Length; o++) if (!c._removed[g][o].Contains(set)) kept[o]++;
            }
        }

        public long Fixed { get; private init; }

        public Dictionary<int, long[]> Of { get; } = [];
    }
}
