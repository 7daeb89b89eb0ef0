using Engine.Graph;

namespace Engine;

/// <summary>A part of a model that runs by itself, on the same weights: what <see cref="Model.Select"/> gives. Immutable; sessions of any number run it.</summary>
public sealed class SubNetwork
{
    private readonly ElasticDimensions _dimensions;
    private readonly int[] _choice;

    internal SubNetwork(Model model, ElasticDimensions dimensions, int[] choice, RankLimit? rank, ModelGraph graph, WeightViews views) =>
        (Model, _dimensions, _choice, Rank, Graph, Views) = (model, dimensions, choice, rank, graph, views);

    /// <summary>The model it is a part of.</summary>
    public Model Model { get; }

    /// <summary>Channels that stay, by group.</summary>
    public IReadOnlyDictionary<string, int> Width => Of(_dimensions.Widths, 0);

    /// <summary>Blocks that stay, by stage.</summary>
    public IReadOnlyDictionary<string, int> Depth => Of(_dimensions.Depths, _dimensions.Widths.Count);

    /// <summary>Extents of windows, by convolution.</summary>
    public IReadOnlyDictionary<string, int> Kernel => Of(_dimensions.Kernels, _dimensions.Widths.Count + _dimensions.Depths.Count);

    /// <summary>Ranks that low-rank weights keep, or null for what session and model say.</summary>
    public RankLimit? Rank { get; }

    /// <summary>Its graph, after rewrites. Constants are parts of the model's.</summary>
    public ModelGraph Graph { get; }

    internal WeightViews Views { get; }

    /// <summary>
    /// It as a model of its own, without elastic dimensions: what the formats write. Load the model with <see cref="ModelOptions.OptimizationLevel"/> 0 to get it as stored, before
    /// rewrites. It lives as long as the model.
    /// </summary>
    public ModelDefinition Extract()
    {
        var made = new Dictionary<Value, Value>();
        var y = new ModelGraph(Graph.Name);
        y.Inputs.AddRange(Graph.Inputs);
        y.Outputs.AddRange(Graph.Outputs);
        foreach (var n in Graph.Nodes) y.Nodes.Add(new Node(n.Name, n.Op, [.. n.Inputs.Select(Plain)], n.Outputs) { Epilogue = n.Epilogue });
        return new(y) { Source = Model.Definition.Source, Metadata = Model.Definition.Metadata.Where(m => m.Key != ElasticDimensions.Key).ToDictionary(), Opsets = Model.Definition.Opsets };

        Value? Plain(Value? v)
        {
            if (v?.Constant is not { } w) return v;
            if (made.TryGetValue(v, out var known)) return known;
            var plain = Rank?.Of(w) ?? w;
            if (plain is Tensors.Leading or Tensors.LowRank) plain = Stored(plain);
            return made[v] = ReferenceEquals(plain, w) ? v : new Value(v.Name) { Constant = plain };
        }
    }

    private static Tensors.Weight Stored(Tensors.Weight w) => w switch
    {
        Tensors.Leading l => new Tensors.Dense(l.Decode()),
        Tensors.LowRank { U.Shape.Rank: 2, V.Shape.Rank: 2 } l => new Tensors.LowRank(l.Shape, First(l.U, l.Rank), First(l.V, l.Rank)),
        _ => w,
    };

    private static Tensors.Weight First(Tensors.Weight factor, int ranks) => Stored(Tensors.WeightParts.Take(factor, [[new(0, ranks)], [new(0, factor.Shape[1])]]));

    private Dictionary<string, int> Of(IReadOnlyList<ElasticDimension> dimensions, int first) => dimensions.Select((d, i) => (d.Name, Choice: _choice[first + i])).ToDictionary(d => d.Name, d => d.Choice);

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", _dimensions.All.Select((d, i) => $"{d.Kind} {d.Name} {_choice[i]}").Concat(Rank is { } r ? [$"{r}"] : []));
}
