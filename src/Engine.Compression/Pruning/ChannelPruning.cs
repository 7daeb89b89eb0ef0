using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Channels that were removed together.</summary>
/// <param name="Name">First layer that made them.</param>
/// <param name="Before">Channels before.</param>
/// <param name="After">Channels after.</param>
public sealed record PrunedChannels(string Name, int Before, int After);

/// <summary>
/// Structured pruning: removes whole channels, and all that depends on them, so that the result is an ordinary smaller network. What the remaining
/// channels can say about those removed is folded into the layers that read them, from the weights alone; with samples, each layer is then fitted to
/// what the float network's gives.
/// </summary>
internal sealed class ChannelPruning
{
    // Vectors hold 8 to 16 channels: groups of many channels keep a multiple.
    private const int Multiple = 8, LeastForMultiple = 32;

    private readonly CompressionOptions _options;
    private readonly ModelGraph _graph;
    private readonly CalibrationData _data;
    private readonly KernelRegistry _kernels;
    private readonly Workers _workers;
    private readonly List<int[]> _leastFirst = [];
    private readonly Lazy<Refit> _refit;

    /// <summary>Finds the groups of channels of a graph and what each channel is worth.</summary>
    public ChannelPruning(CompressionOptions options, ModelGraph graph, CalibrationData data, KernelRegistry kernels, Workers workers, CancellationToken cancellation)
    {
        (_options, _graph, _data, _kernels, _workers) = (options, graph, data, kernels, workers);
        Types = WireTypes.Of(graph, data, kernels, workers, cancellation);
        Analysis = ChannelAnalysis.Of(graph, Types, kernels, workers);
        Groups = ChannelGroup.Of(Analysis);
        _refit = new(() => Fitting(data));
        var energies = data.Inputs.Count == 0 ? null : ChannelEnergy.Measure(graph, Analysis, data, kernels, workers, options.Progress, cancellation);
        foreach (var g in Groups)
        {
            double[] importance = ChannelImportance.Of(Analysis, g, energies is null ? null : w => energies[w]);
            _leastFirst.Add([.. Enumerable.Range(0, importance.Length).OrderBy(i => importance[i]).ThenByDescending(i => i).Select(i => g.Sets[i])]);
        }
    }

    /// <summary>Types of wires in a run.</summary>
    public IReadOnlyDictionary<Value, TensorType> Types { get; }

    /// <summary>Which channels go together.</summary>
    public ChannelAnalysis Analysis { get; }

    /// <summary>The groups of which channels can be removed.</summary>
    public IReadOnlyList<ChannelGroup> Groups { get; }

    /// <summary>Channels that each group keeps when the same part is removed everywhere.</summary>
    public int[] Keep(double part) => [.. Groups.Select(g => Keep(g.Sets.Length, part))];

    /// <summary>How many channels of <paramref name="channels"/> stay.</summary>
    public static int Keep(int channels, double part)
    {
        double wanted = channels * (1 - part);
        return channels < LeastForMultiple ? Math.Clamp((int)Math.Round(wanted), 1, channels) : Math.Clamp((int)Math.Round(wanted / Multiple) * Multiple, Multiple, channels);
    }

    /// <summary>The channels of a group that go when it keeps so many.</summary>
    public IReadOnlySet<int> Removed(int group, int keep) => _leastFirst[group].Take(_leastFirst[group].Length - keep).ToHashSet();

    /// <summary>The groups, with what is left of them.</summary>
    public IReadOnlyList<PrunedChannels> Report(IReadOnlyList<int> keep) => [.. Groups.Select((g, i) => new PrunedChannels(g.Name, g.Sets.Length, keep[i]))];

    /// <summary>The graph with so many channels of each group left, made up for as the options say.</summary>
    public ModelGraph Run(IReadOnlyList<int> keep, CancellationToken cancellation)
    {
        var removed = AllRemoved(keep);
        var changed = _options.Reconstruct && _data.Inputs.Count == 0 ? DataFreeReconstruction.Of(Analysis, Groups, removed, _workers) : new Dictionary<Value, Tensor>();
        var smaller = PrunedGraph.Of(_graph, Analysis, removed, changed);
        if (_options.Reconstruct && _data.Inputs.Count > 0) _refit.Value.Run(smaller, removed, null, cancellation);
        return smaller;
    }

    /// <summary>The graph with so many channels left, nothing made up for: as fast as the other.</summary>
    public ModelGraph Bare(IReadOnlyList<int> keep) => PrunedGraph.Of(_graph, Analysis, AllRemoved(keep), new Dictionary<Value, Tensor>());

    /// <summary>What fits layers behind removed channels on other samples.</summary>
    public Refit Fitting(CalibrationData data) => new(_graph, Analysis, data, _options, _kernels, _workers);

    private HashSet<int> AllRemoved(IReadOnlyList<int> keep) => [.. keep.SelectMany((k, g) => Removed(g, k))];
}
