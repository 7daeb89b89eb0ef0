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
internal sealed class ChannelPruning(CompressionOptions options, KernelRegistry kernels, Workers workers)
{
    // Vectors hold 8 to 16 channels: groups of many channels keep a multiple.
    private const int Multiple = 8, LeastForMultiple = 32;

    /// <summary>The groups of channels of the last graph, with what is left of them.</summary>
    public IReadOnlyList<PrunedChannels> Pruned { get; private set; } = [];

    /// <summary>The graph with a part of the channels of each group removed.</summary>
    public ModelGraph Run(ModelGraph graph, double part, CalibrationData data, CancellationToken cancellation)
    {
        var types = WireTypes.Of(graph, data, kernels, workers, cancellation);
        var analysis = ChannelAnalysis.Of(graph, types, kernels, workers);
        var groups = ChannelGroup.Of(analysis);
        var energies = data.Inputs.Count == 0 ? null : ChannelEnergy.Measure(graph, analysis, data, kernels, workers, options.Progress, cancellation);
        var removed = new HashSet<int>();
        var pruned = new List<PrunedChannels>();
        foreach (var g in groups)
        {
            options.Progress($"prune {g.Name}");
            double[] importance = ChannelImportance.Of(analysis, g, energies is null ? null : w => energies[w]);
            int keep = Keep(g.Sets.Length, part);
            foreach (int i in Enumerable.Range(0, importance.Length).OrderBy(i => importance[i]).ThenByDescending(i => i).Take(importance.Length - keep)) removed.Add(g.Sets[i]);
            pruned.Add(new(g.Name, g.Sets.Length, keep));
        }
        Pruned = pruned;
        var changed = options.Reconstruct && data.Inputs.Count == 0 ? DataFreeReconstruction.Of(analysis, groups, removed, workers) : new Dictionary<Value, Tensor>();
        var smaller = PrunedGraph.Of(graph, analysis, removed, changed);
        if (options.Reconstruct && data.Inputs.Count > 0) new Refit(options.Seed, options.Progress, analysis, removed, kernels, workers).Run(graph, smaller, data, cancellation);
        return smaller;
    }

    private static int Keep(int channels, double part)
    {
        double wanted = channels * (1 - part);
        return channels < LeastForMultiple ? Math.Clamp((int)Math.Round(wanted), 1, channels) : Math.Clamp((int)Math.Round(wanted / Multiple) * Multiple, Multiple, channels);
    }
}
