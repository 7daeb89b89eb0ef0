using System.Globalization;
using Engine.Graph;

namespace Engine;

/// <summary>The sub-networks of a model asked for so far, one for each choice.</summary>
internal sealed class SubNetworks(Model model, ElasticGraph elastic, WeightViews whole, Func<ModelGraph, WeightViews> views)
{
    private readonly Dictionary<(string, RankLimit?), SubNetwork> _made = [];
    private readonly Dictionary<string, (ModelGraph Graph, WeightViews Views)> _graphs = [];
    private readonly Lock _lock = new();

    public ElasticDimensions Dimensions => elastic.Dimensions;

    public SubNetwork Of(ElasticChoice? width, ElasticChoice? depth, ElasticChoice? kernel, RankLimit? rank)
    {
        rank?.Require();
        int[] choice =
        [
            .. ElasticChoice.For(width, Dimensions.Widths, "width"),
            .. ElasticChoice.For(depth, Dimensions.Depths, "depth"),
            .. ElasticChoice.For(kernel, Dimensions.Kernels, "kernel"),
        ];
        string key = string.Join(' ', choice.Select(c => c.ToString(CultureInfo.InvariantCulture)));
        lock (_lock)
        {
            if (_made.TryGetValue((key, rank), out var made)) return made;
            if (!_graphs.TryGetValue(key, out var g))
            {
                var graph = elastic.Cut(choice);
                _graphs[key] = g = (graph, ReferenceEquals(graph, elastic.Graph) ? whole : views(graph));
            }
            return _made[(key, rank)] = new(model, Dimensions, choice, rank, g.Graph, g.Views);
        }
    }
}
