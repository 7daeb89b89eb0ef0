using System.Diagnostics;
using System.Globalization;
using Engine.Cli;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>How long kernels are timed.</summary>
/// <param name="Rounds">Fewest rounds; in each, every tier is timed once.</param>
/// <param name="MinTime">Shortest time of all rounds together.</param>
internal sealed record KernelSettings(int Rounds, TimeSpan MinTime);

/// <summary>The time of one tier.</summary>
/// <param name="Tier">Its name.</param>
/// <param name="IsPick">Whether the dispatcher takes it.</param>
/// <param name="Times">Nanoseconds a run.</param>
/// <param name="ToPick">Its time over the pick's, measured in turn; the interval is empty where one of them was too slow for that.</param>
internal sealed record KernelTime(string Tier, bool IsPick, Samples Times, PairedRatio ToPick)
{
    public double Median => Times.Percentile(50);
}

/// <summary>All tiers of a kernel on one shape with one number of threads.</summary>
/// <param name="Family">The kernel.</param>
/// <param name="Dims">The shape.</param>
/// <param name="Threads">Pinned threads.</param>
/// <param name="Work">What a run does.</param>
/// <param name="Limit">The limit that it meets first.</param>
/// <param name="LimitNanoseconds">A run's time at that limit, measured in turn with the tiers.</param>
/// <param name="Times">The tiers, best first.</param>
internal sealed record KernelResult(KernelFamily Family, int[] Dims, int Threads, KernelWork Work, LimitKind Limit, double LimitNanoseconds, IReadOnlyList<KernelTime> Times)
{
    // What the pick may lag the fastest tier by.
    private const double LargestLag = 1.05;

    public string Shape => string.Join('x', Dims);

    /// <summary>Why the dispatcher should have picked another tier, or null: one is faster by more than 5 %, and the whole interval says so.</summary>
    public string? Lag()
    {
        var fastest = Times.MinBy(t => t.ToPick.High)!;
        return fastest.ToPick.High * LargestLag >= 1 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{Family.Stem} {Shape}, {Threads} threads: the pick {Times.First(t => t.IsPick).Tier} takes {1 / fastest.ToPick.Median:0.00} times as long as {fastest.Tier}");
    }
}

/// <summary>Times every tier of a kernel in turn, each checked against the reference before.</summary>
/// <param name="settings">How long.</param>
/// <param name="limits">The machine's limits by number of threads.</param>
internal sealed class KernelBench(KernelSettings settings, IReadOnlyDictionary<int, MachineLimits> limits)
{
    // A tier that takes this long, and many times what the fastest takes, is timed apart and only a few times.
    private const double SlowNanoseconds = 50e6, SlowRatio = 5;
    private const int SlowRounds = 3;

    // A sample of the limit, taken in every round: its clock is then that of the kernels.
    private const double ProbeSeconds = 300e-6;

    public KernelResult Measure(KernelFamily family, int[] dims, int threads, CancellationToken cancellation) => PinnedTeam.Run(threads, workers =>
    {
        try
        {
            var actions = Checked(family, dims, workers);
            var work = family.Work(dims);
            var (limit, amount) = Limit(work, limits[threads]);
            using var probe = new LimitProbe(workers, limits[threads].Best(limit).Loop);
            long turns = probe.TurnsFor(ProbeSeconds);
            double[] once = [.. actions.Select(a => Time(a.Run))];
            double slow = Math.Max(SlowNanoseconds, SlowRatio * once.Min());
            List<int> fast = [.. Enumerable.Range(0, once.Length).Where(i => once[i] <= slow)];
            var together = Interleaved.Measure([.. fast.Select(i => actions[i].Run), () => probe.Run(turns)], Settings(settings.Rounds), cancellation: cancellation);
            var times = new Samples[once.Length];
            for (int i = 0; i < times.Length; i++) times[i] = fast.Contains(i) ? together.Times(fast.IndexOf(i)) : Interleaved.Measure([actions[i].Run], Settings(SlowRounds), cancellation: cancellation).Times(0);
            int pick = actions.FindIndex(a => a.Name == family.Pick);
            PairedRatio ToPick(int i)
            {
                if (fast.Contains(i) && fast.Contains(pick)) return together.Ratio(fast.IndexOf(i), fast.IndexOf(pick));
                double ratio = times[i].Percentile(50) / times[pick].Percentile(50);
                return new(ratio, ratio, ratio);
            }
            double atLimit = together.Median(fast.Count) * amount / probe.Work(turns);
            return new KernelResult(family, dims, threads, work, limit, atLimit, [.. actions.Select((a, i) => new KernelTime(a.Name, i == pick, times[i], ToPick(i)))]);
        }
        finally
        {
            family.Select(null);
        }
    });

    // One run before each sample brings back to the caches what the action before threw out.
    private InterleavedSettings Settings(int rounds) => new()
    {
        Rounds = rounds,
        MinTime = rounds < settings.Rounds ? TimeSpan.Zero : settings.MinTime,
        Discarded = 1,
        WarmupRuns = 1,
        Warmup = rounds < settings.Rounds ? TimeSpan.Zero : settings.MinTime / 10,
    };

    /// <summary>The limit that a kernel meets first, and the operations or bytes that count there.</summary>
    private static (LimitKind Limit, double Amount) Limit(KernelWork work, MachineLimits limits)
    {
        var level = CacheSizes.OfThisMachine.LevelOf(work.Bytes, limits.Threads);
        return work.Compute is { } c && work.Operations / limits[c] >= work.Bytes / limits[level] ? (c, work.Operations) : (level, work.Bytes);
    }

    /// <summary>A run of every tier, after its result was found right.</summary>
    private static List<(string Name, Action Run)> Checked(KernelFamily family, int[] dims, Workers workers)
    {
        var runs = new List<(string, Action)>();
        Tensor? expected = null;
        string? selected = null;
        // The reference comes first.
        foreach (string tier in family.Tiers.Reverse())
        {
            family.Select(selected = tier);
            var run = family.Prepare(dims, workers);
            run.Run();
            expected ??= run.Reference?.Invoke() ?? run.Result().Clone();
            if (Difference(expected, run.Result(), family.Tolerance) is { } why)
                throw new CommandException(ExitCode.ThresholdMissed, $"{family.Stem} {string.Join('x', dims)}, {tier}, {workers.Threads} threads: wrong result, nothing was timed: {why}");
            runs.Add((tier, () =>
            {
                if (selected != tier) family.Select(selected = tier);
                run.Run();
            }));
        }
        runs.Reverse();
        return runs;
    }

    /// <summary>How two results differ, or null; the tolerance is relative to the largest value, because rounding errors of a sum do not grow with the sum.</summary>
    private static string? Difference(Tensor expected, Tensor actual, double tolerance)
    {
        double largest = 0;
        if (tolerance > 0)
            foreach (float v in expected.Span<float>()) largest = Math.Max(largest, Math.Abs(v));
        return ValueComparer.Compare(expected, actual, 0, tolerance * largest);
    }

    private static double Time(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }
}
