using System.Globalization;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What was found within a limit: the network whose groups of channels keep parts of their own, and the one that loses the same part everywhere.</summary>
/// <param name="Within">The limit.</param>
/// <param name="Adaptive">Outputs of the first on the samples.</param>
/// <param name="Uniform">Outputs of the second; null where no such part holds the limit.</param>
/// <param name="UniformPart">Part of the channels that it loses.</param>
public sealed record PruningChoice(Budget Within, DropReport Adaptive, DropReport? Uniform, double UniformPart)
{
    /// <summary>True where the first one was taken: its outputs err no more.</summary>
    public bool IsAdaptive => Uniform is null || Adaptive.Error.RelativeRmse <= Uniform.Error.RelativeRmse;
}

/// <summary>
/// Chooses how many channels each group keeps, in eighths, so that the sum of measured errors is least within a limit, exactly; beside it the least part that holds the limit when it is removed
/// everywhere. Both networks are made and run, and the better one is taken.
/// </summary>
internal sealed class AdaptivePruning(ChannelPruning pruning, ModelGraph graph, CalibrationData data, IReadOnlyList<IReadOnlyList<RuntimeValue>> exact, CompressionOptions options, KernelRegistry kernels, Workers workers)
{
    private const int Levels = 8, LatencyAttempts = 8;

    private readonly Budget _limit = options.PruneWithin!;

    /// <summary>The graph taken, how many channels are left in each group, and the comparison. Throws <see cref="BudgetException"/>.</summary>
    /// <param name="latency">Nanoseconds of a graph, of which each group keeps so many channels, by the table; null where it has none.</param>
    /// <param name="cancellation">Stops between layers.</param>
    public (ModelGraph Graph, int[] Keep, PruningChoice Choice) Run(Func<IReadOnlyList<int>, ModelGraph, long?>? latency, CancellationToken cancellation)
    {
        if (data.Inputs.Count == 0) throw new InputException("prune:auto chooses by measured errors: give calibration samples");
        if (_limit.Kind is BudgetKind.Bits) throw new InputException("prune:auto removes channels: its limit is a size, a latency, a sparsity or macs");
        if (_limit.Kind is BudgetKind.Latency && latency is null) throw new InputException("prune:auto within a latency needs a latency table");
        var (keeps, order, costs) = Options();
        var errors = ChannelErrors.Of(pruning, graph, keeps, data, exact, options, kernels, workers, cancellation);
        int[]? Solve(long budget) => PairwiseKnapsack.Solve(errors, costs.Single, costs.Pairs, order, budget - costs.Fixed) is { } taken ? [.. taken.Select((o, g) => keeps[g][o])] : null;
        long Nanoseconds(int[] keep) => latency!(keep, pruning.Bare(keep)) ?? throw new InputException("the latency table lacks the pruned network: measure it first");

        long whole = Cost([.. pruning.Groups.Select(g => g.Sets.Length)]);
        int[] adaptive;
        Func<int[], bool> holds;
        if (_limit.Kind == BudgetKind.Latency)
        {
            holds = keep => Nanoseconds(keep) <= _limit.Limit;
            adaptive = Fastest(Solve, holds, costs.Fixed, whole) ?? throw new BudgetException(string.Create(CultureInfo.InvariantCulture, $"an eighth of the channels of each group still takes more than {_limit.Limit / 1e6:0.###} ms"));
        }
        else
        {
            double most = _limit.Kind == BudgetKind.Size ? _limit.Limit : _limit.Limit * whole;
            holds = keep => Cost(keep) <= most;
            adaptive = Solve((long)most) ?? throw new BudgetException(string.Create(CultureInfo.InvariantCulture,
                $"an eighth of the channels of each group leaves {Cost([.. keeps.Select(k => k[0])])} {Unit}, more than the {(long)most} that the limit allows of {whole}"));
        }
        double? part = LeastPart(holds);
        var first = pruning.Run(adaptive, cancellation);
        var second = part is { } p ? pruning.Run(pruning.Keep(p), cancellation) : null;
        DropReport Judge(ModelGraph g) => Drop.Measure(g, data, exact, kernels, workers, options.Progress, cancellation);
        var choice = new PruningChoice(_limit, Judge(first), second is null ? null : Judge(second), part ?? 0);
        return choice.IsAdaptive ? (first, adaptive, choice) : (second!, pruning.Keep(part!.Value), choice);
    }

    private string Unit => _limit.Kind switch { BudgetKind.Size => "bytes", BudgetKind.Weights => "weights", _ => "multiplications" };

    // Eighths of each group; quarters or halves where groups depend on each other so closely that eighths are too many to search.
    private (IReadOnlyList<int[]> Keeps, int[] Order, ChannelCosts Costs) Options()
    {
        for (int levels = Levels; levels > 1; levels /= 2)
        {
            var keeps = pruning.Groups.Select(g => Enumerable.Range(1, levels).Select(l => ChannelPruning.Keep(g.Sets.Length, 1 - (double)l / levels)).Distinct().ToArray()).ToList();
            var costs = Costs(keeps);
            if (PairwiseKnapsack.Order([.. keeps.Select(k => k.Length)], costs.Pairs.Keys) is { } order) return (keeps, order, costs);
        }
        throw new InputException("prune:auto: too many groups of channels are read by the same layers to choose for each; give a part, as prune:0.5");
    }

    // A latency is met by fewer multiplications.
    private ChannelCosts Costs(IReadOnlyList<int[]> keeps) => ChannelCosts.Of(graph, pruning.Analysis, pruning.Types, pruning.Groups,
        [.. keeps.Select((of, g) => of.Select(k => pruning.Removed(g, k)).ToList())], _limit.Kind == BudgetKind.Latency ? BudgetKind.Multiplications : _limit.Kind);

    private long Cost(int[] keep) => Costs([.. keep.Select(k => new[] { k })]).Of(new int[keep.Length]);

    // The largest number of multiplications whose choice holds.
    private static int[]? Fastest(Func<long, int[]?> solve, Func<int[], bool> holds, long least, long whole)
    {
        int[]? best = null;
        long low = least, high = whole;
        for (int i = 0; i < LatencyAttempts; i++)
        {
            long budget = i == 0 ? high : low + (high - low) / 2;
            if (solve(budget) is not { } keep) low = budget;
            else if (!holds(keep)) high = budget;
            else
            {
                (best, low) = (keep, budget);
                if (i == 0) break;
            }
        }
        return best;
    }

    // In percent.
    private double? LeastPart(Func<int[], bool> holds)
    {
        int low = 0, high = 100;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (holds(pruning.Keep(middle / 100.0))) high = middle;
            else low = middle + 1;
        }
        return high == 100 ? null : high / 100.0;
    }
}
