using System.Globalization;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Chooses a result a layer: as asked, within a budget, or with as few bits as a limit of the drop allows; then replaces what runs slower than float.</summary>
internal sealed class Assignment(IReadOnlyList<Layer> layers, IReadOnlyDictionary<Layer, IReadOnlyList<LayerResult>> results, SchemeChoice choice, CompressionOptions options, LatencyProbe? probe, Func<IReadOnlyDictionary<Layer, LayerResult>, long?>? whole, long otherBytes, Func<Layer, TensorType?> output)
{
    // Two measurements of one kernel differ by so much.
    private const double Tolerance = 1.05;
    private const int Bisections = 12;
    private const int LatencyAttempts = 10;

    /// <summary>The choice and what it costs in accuracy. Throws <see cref="BudgetException"/> where limits cannot be met.</summary>
    public (Chosen, DropReport?) Solve(Func<IReadOnlyDictionary<Layer, LayerResult>, DropReport?> judge, CancellationToken cancellation)
    {
        var first = options.Budget is not { } b ? WithoutSlow(layers.ToDictionary(l => l, l => results[l][0])) : b.Kind == BudgetKind.Latency ? WithinLatency(Checked(b.Limit), cancellation) : WithoutSlow(Within(b));
        var drop = judge(first.Results);
        if (options.MaxDrop is not { } limit) return (first, drop);
        if (drop is null) throw new InputException("a limit of the drop needs calibration samples to measure it on");
        if (drop.Drop <= limit) return (first, drop);
        if (options.Budget is not null) throw new BudgetException(string.Create(CultureInfo.InvariantCulture, $"within the budget the drop is {drop.Drop:P2} ({drop.Kind}), more than {limit:P2}"));

        // More bytes, less error: the least budget that holds the limit.
        long low = Size(first), high = layers.Sum(l => results[l].Max(r => r.Bytes));
        (Chosen, DropReport)? best = null;
        for (int i = 0; i < Bisections && low <= high; i++)
        {
            long middle = i == 0 ? high : low + (high - low) / 2;
            var tried = WithoutSlow(Choose(middle, (_, r) => r.Bytes, _ => false, "bytes"));
            var measured = judge(tried.Results)!;
            if (measured.Drop <= limit)
            {
                best = (tried, measured);
                high = Math.Min(middle, Size(tried)) - 1;
            }
            else if (i == 0) break;
            else low = middle + 1;
        }
        return best ?? throw new BudgetException(string.Create(CultureInfo.InvariantCulture, $"no choice of schemes keeps the drop within {limit:P2}; add schemes of more bits or samples"));
    }

    /// <summary>The row of a layer.</summary>
    public LayerReport Report(Layer l, Chosen chosen)
    {
        var r = chosen.Results[l];
        LatencyKey? now = probe?.Key(l, r.Scheme), dense = probe?.Key(l, Scheme.Float);
        return new(l.Name, l.Kind, l.Weight.Shape.ToString(), r.Scheme, chosen.Asked[l], r.Error, l.DenseBytes, r.Bytes, 8.0 * r.Bytes / l.Weight.Shape.Elements,
            Find(now), Find(dense), now is null ? null : options.Latencies!.Kernel(now))
        { Kept = r.Mask is { } m ? (double)m.Kept / l.Weight.Shape.Elements : 1, MaskError = r.Mask?.Error };
    }

    private long? Find(LatencyKey? key) => key is null ? null : options.Latencies!.Find(key);

    private static long Size(Chosen chosen) => chosen.Results.Values.Sum(r => r.Bytes);

    private Dictionary<Layer, LayerResult> Within(Budget b) => b.Kind switch
    {
        BudgetKind.Size => Choose(Checked(b.Limit) - otherBytes, (_, r) => r.Bytes, choice.IsFixed, "bytes"),
        BudgetKind.Bits => Choose(Checked(b.Limit * layers.Sum(l => (double)l.Weight.Shape.Elements) / 8), (_, r) => r.Bytes, choice.IsFixed, "bytes"),
        BudgetKind.Weights => Choose(Checked(b.Limit * layers.Sum(l => (double)l.Weight.Shape.Elements)), Kept, choice.IsFixed, "weights"),
        _ => Choose(Checked(b.Limit * layers.Sum(l => (double)l.Weight.Shape.Elements * Uses(l))), (l, r) => Kept(l, r) * Uses(l), choice.IsFixed, "multiplications"),
    };

    private static long Kept(Layer l, LayerResult r) => r.Mask?.Kept ?? (r.Factors is { } f ? f.Bytes / sizeof(float) : l.Weight.Shape.Elements);

    // How many outputs a weight takes part in, in one run.
    private long Uses(Layer l) => !l.IsProduct ? 0 : output(l) is { } y ? y.Shape.Elements / l.Rows : throw new InputException($"a budget of multiplications needs calibration samples (layer '{l.Name}')");

    private static long Checked(double v) => v is >= 0 and < long.MaxValue / 2 ? (long)v : throw new InputException($"a budget of {v} makes no sense");

    /// <summary>
    /// Layers alone say nothing of what changes of encoding between them cost: the model of each choice is measured whole, and the layers
    /// get as much less as it takes beyond the limit, or more where it leaves some.
    /// </summary>
    private Chosen WithinLatency(long limit, CancellationToken cancellation)
    {
        var dense = layers.ToDictionary(l => l, LayerResult.Float);
        long floating = whole?.Invoke(dense) ?? throw new InputException("a latency budget needs the latency of the whole float model in the table: measure it first");
        // Layers measured one by one may add up to more than the model does.
        if (floating <= limit && layers.All(l => !choice.IsFixed(l) && results[l].Any(r => r.Scheme.IsFloat))) return WithoutSlow(dense);
        long rest = Math.Max(0, floating - layers.Sum(l => probe?.Key(l, Scheme.Float) is { } k ? Find(k) ?? 0 : 0));
        long least = layers.Sum(l => (choice.IsFixed(l) ? results[l].Take(1) : results[l]).Min(r => Latency(l, r.Scheme)));
        long budget = Math.Max(limit - rest, least), low = least, high = long.MaxValue;
        Chosen? best = null;
        for (int i = 0; i < LatencyAttempts && low <= budget && budget < high; i++)
        {
            var chosen = WithoutSlow(Choose(budget, (l, r) => Latency(l, r.Scheme), choice.IsFixed, "ns"));
            if (whole(chosen.Results) is not { } measured)
            {
                // Not measured: the sum of the layers has to do.
                if (limit - rest < least) break;
                return best ?? chosen;
            }
            if (measured <= limit)
            {
                (best, low) = (chosen, budget);
                budget += (Math.Min(high, budget + 2 * (limit - measured)) - budget) / 2;
                if (budget - low < limit / 100) break;
            }
            else if (budget <= least) throw new BudgetException($"the fastest of the schemes to choose from make a model of {Milliseconds(measured)}, measured, more than the budget of {Milliseconds(limit)}; float takes {Milliseconds(floating)}");
            else
            {
                high = budget;
                budget = best is null ? Math.Max(least, budget - (measured - limit)) : low + (high - low) / 2;
            }
        }
        return best ?? throw new BudgetException($"no choice of schemes was found within the budget of {Milliseconds(limit)}: the layers take at least {Milliseconds(least)}, float {Milliseconds(floating)} with all else");
    }

    private static string Milliseconds(long nanoseconds) => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e6:0.###} ms");

    private Dictionary<Layer, LayerResult> Choose(long budget, Func<Layer, LayerResult, long> cost, Func<Layer, bool> isFixed, string unit)
    {
        var open = layers.ToDictionary(l => l, l => isFixed(l) ? [results[l][0]] : results[l]);
        var options = layers.Select(l => (IReadOnlyList<KnapsackOption>)[.. open[l].Select(r => new KnapsackOption(cost(l, r), r.Error.Noise))]).ToList();
        int[] taken = Knapsack.Solve(options, budget) ?? throw new BudgetException(string.Create(CultureInfo.InvariantCulture,
            $"the least that the schemes to choose from take is {options.Sum(o => o.Min(x => x.Cost))} {unit} for the layers, and the budget leaves {Math.Max(0, budget)}"));
        return Enumerable.Range(0, layers.Count).ToDictionary(i => layers[i], i => open[layers[i]][taken[i]]);
    }

    private long Latency(Layer l, Scheme s)
    {
        if (!l.IsProduct) return 0;
        var key = probe?.Key(l, s) ?? throw new InputException($"a latency budget needs samples and a latency table (layer '{l.Name}')");
        return Find(key) ?? throw new InputException($"the latency table has no entry for layer '{l.Name}' as {s} with {key.Threads} threads: measure it first");
    }

    /// <summary>The honesty rule: a form that the table says is slower than float gives way to the smallest of float and 8 bits that is not.</summary>
    private Chosen WithoutSlow(Dictionary<Layer, LayerResult> chosen)
    {
        var asked = chosen.ToDictionary(c => c.Key, c => c.Value.Scheme);
        if (probe is null || options.NoFallback) return new(chosen, asked);
        foreach (var l in layers)
        {
            if (chosen[l].Scheme.IsFloat || Find(probe.Key(l, Scheme.Float)) is not { } dense || Find(probe.Key(l, chosen[l].Scheme)) is not { } own || own <= dense * Tolerance) continue;
            chosen[l] = results[l].Where(r => (r.Scheme.IsFloat || r.Scheme == Scheme.W8 || r.Scheme == Scheme.Int8 || r.Scheme == chosen[l].Scheme.Dense && r.Scheme != chosen[l].Scheme) && Find(probe.Key(l, r.Scheme)) is not null).MinBy(r => (Find(probe.Key(l, r.Scheme)) > dense * Tolerance, r.Bytes))!;
        }
        return new(chosen, asked);
    }
}

/// <summary>A result a layer, and the scheme that it would have without fallback.</summary>
internal sealed record Chosen(IReadOnlyDictionary<Layer, LayerResult> Results, IReadOnlyDictionary<Layer, Scheme> Asked);
