using Engine.Graph;

namespace Engine.Compression;

/// <summary>
/// Channels of the same wires: each is a set of labels, and removing it removes an entry (or, behind a flattening, several) of each of the same axes
/// of the same constants.
/// </summary>
internal sealed class ChannelGroup
{
    private ChannelGroup(string name, int[] sets, IReadOnlyList<LinearWeight> producers, IReadOnlyList<LinearWeight> consumers) => (Name, Sets, Producers, Consumers) = (name, sets, producers, consumers);

    /// <summary>Name of the first node that makes the channels.</summary>
    public string Name { get; }

    /// <summary>The channels.</summary>
    public int[] Sets { get; }

    /// <summary>Weights that lose rows.</summary>
    public IReadOnlyList<LinearWeight> Producers { get; }

    /// <summary>Weights that lose columns.</summary>
    public IReadOnlyList<LinearWeight> Consumers { get; }

    /// <summary>The groups of which channels can be removed, in the order of the nodes that make them.</summary>
    public static IReadOnlyList<ChannelGroup> Of(ChannelAnalysis a)
    {
        var places = new SortedDictionary<int, List<(int Weight, bool IsRow)>>();
        void Add(int[]? labels, int weight, bool isRow)
        {
            int last = 0;
            foreach (int l in labels ?? [])
            {
                int set = a.Sets.Find(l);
                if (set == 0 || set == last) continue;
                last = set;
                var list = places.TryGetValue(set, out var known) ? known : places[set] = [];
                if (!list.Contains((weight, isRow))) list.Add((weight, isRow));
            }
        }
        for (int i = 0; i < a.Linear.Count; i++)
        {
            var w = a.Linear[i];
            Add(a.Constants[w.Weight][w.RowAxis], i, true);
            if (w.ColumnAxis >= 0) Add(a.Constants[w.Weight][w.ColumnAxis], i, false);
        }
        var groups = new List<ChannelGroup>();
        foreach (var g in places.GroupBy(p => string.Join(' ', p.Value)))
        {
            var of = g.First().Value;
            var producers = of.Where(p => p.IsRow).Select(p => a.Linear[p.Weight]).ToList();
            if (producers.Exists(p => !p.IsDepthwise)) groups.Add(new(producers.First(p => !p.IsDepthwise).Node.Name, [.. g.Select(p => p.Key)], producers, [.. of.Where(p => !p.IsRow).Select(p => a.Linear[p.Weight])]));
        }
        return groups;
    }
}
