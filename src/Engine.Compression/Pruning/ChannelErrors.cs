using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// What removing channels of one group alone does to the network's outputs on the samples, the layers that read the group fitted as they will be: noise to signal in power, which adds up where
/// groups err independently.
/// </summary>
internal static class ChannelErrors
{
    private const int MostSamples = 64;

    /// <summary>A number for each group and each number of channels kept; 0 where all are.</summary>
    public static IReadOnlyList<double[]> Of(ChannelPruning pruning, ModelGraph graph, IReadOnlyList<int[]> keeps, CalibrationData data, IReadOnlyList<IReadOnlyList<RuntimeValue>> exact, CompressionOptions options, KernelRegistry kernels, Workers workers, CancellationToken cancellation)
    {
        int count = Math.Min(data.Inputs.Count, MostSamples);
        int[] some = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * data.Inputs.Count / count))];
        var samples = new CalibrationData([.. some.Select(i => data.Inputs[i])], []);
        IReadOnlyList<IReadOnlyList<RuntimeValue>> outputs = [.. some.Select(i => exact[i])];
        var refit = pruning.Fitting(samples);
        return [.. keeps.Select((of, g) => Array.ConvertAll(of, keep =>
        {
            var group = pruning.Groups[g];
            options.Progress($"{group.Name} with {keep} of {group.Sets.Length} channels");
            if (keep == group.Sets.Length) return 0;
            var removed = pruning.Removed(g, keep);
            var smaller = PrunedGraph.Of(graph, pruning.Analysis, removed, new Dictionary<Value, Tensor>());
            if (options.Reconstruct) refit.Run(smaller, removed, group.Consumers.Select(c => c.Node).ToHashSet(), cancellation);
            return Drop.Measure(smaller, samples, outputs, kernels, workers, static _ => { }, cancellation).Error.Noise;
        }))];
    }
}
