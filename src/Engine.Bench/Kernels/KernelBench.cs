using System.Diagnostics;
using Engine.Cli;
using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>How long kernels are timed.</summary>
/// <param name="Rounds">Fewest rounds; in each, every tier is timed once.</param>
/// <param name="MinTime">Shortest time of all rounds together.</param>
/// <param name="Peers">Other engines to time in turn with the tiers.</param>
internal sealed record KernelSettings(int Rounds, TimeSpan MinTime, params string[] Peers);

/// <summary>Times every tier of a kernel in turn, and peers with them, each checked against the reference before.</summary>
/// <param name="settings">How long.</param>
/// <param name="limits">The machine's limits by number of threads.</param>
internal sealed class KernelBench(KernelSettings settings, IReadOnlyDictionary<int, MachineLimits> limits)
{
    // A tier that takes this long, and many times what the fastest takes, is timed apart and only a few times.
    private const double SlowNanoseconds = 50e6, SlowRatio = 5;
    private const int SlowRounds = 3;

    // A sample of the limit, taken in every round: its clock is then that of the kernels.
    private const double ProbeSeconds = 300e-6;

    private sealed record Contender(string Name, KernelRole Role, Action Run);

    public KernelResult Measure(KernelFamily family, int[] dims, int threads, CancellationToken cancellation)
    {
        // Asked here: a bound thread may use but one.
        int[] processors = PinnedTeam.Processors(threads);
        return PinnedTeam.Run(threads, workers =>
        {
            var peers = new List<IPeerRun>();
            try
            {
                return Measure(family, dims, workers, Checked(family, dims, workers, processors, peers), cancellation);
            }
            finally
            {
                family.Select(null);
                foreach (var p in peers) p.Dispose();
            }
        });
    }

    private KernelResult Measure(KernelFamily family, int[] dims, Workers workers, List<Contender> contenders, CancellationToken cancellation)
    {
        bool peers = contenders.Exists(c => c.Role == KernelRole.Peer);
        var work = family.Work(dims);
        var (limit, amount) = Limit(work, limits[workers.Threads]);
        using var probe = new LimitProbe(workers, limits[workers.Threads].Best(limit).Loop);
        if (peers) PeerComparison.WaitForQuiet();
        long turns = probe.TurnsFor(ProbeSeconds);
        double[] once = [.. contenders.Select(c => Time(c.Run))];
        double slow = Math.Max(SlowNanoseconds, SlowRatio * once.Min());
        List<int> fast = [.. Enumerable.Range(0, once.Length).Where(i => once[i] <= slow || contenders[i].Role == KernelRole.Peer)];
        var together = Interleaved.Measure([.. fast.Select(i => contenders[i].Run), () => probe.Run(turns)], Together(peers, workers.Threads), cancellation: cancellation);
        Samples Times(int i) => fast.Contains(i) ? together.Times(fast.IndexOf(i)) : Interleaved.Measure([contenders[i].Run], Apart, cancellation: cancellation).Times(0);
        Samples[] times = [.. Enumerable.Range(0, once.Length).Select(Times)];
        int pick = contenders.FindIndex(c => c.Role == KernelRole.Pick);
        PairedRatio ToPick(int i)
        {
            if (fast.Contains(i) && fast.Contains(pick)) return together.Ratio(fast.IndexOf(i), fast.IndexOf(pick));
            double ratio = times[i].Percentile(50) / times[pick].Percentile(50);
            return new(ratio, ratio, ratio);
        }
        double atLimit = together.Median(fast.Count) * amount / probe.Work(turns);
        return new(family, dims, workers.Threads, work, limit, atLimit, [.. contenders.Select((c, i) => new KernelTime(c.Name, c.Role, times[i], ToPick(i)))]);
    }

    // One run before each block brings back to the caches what the action before threw out.
    private InterleavedSettings Together(bool peers, int threads) => new()
    {
        Rounds = settings.Rounds,
        MinTime = settings.MinTime,
        Block = peers ? 5 : 1,
        Discarded = 1,
        Between = peers && threads > 1 ? PeerComparison.WaitForQuiet : null,
        WarmupRuns = 1,
        Warmup = settings.MinTime / 10,
    };

    private static InterleavedSettings Apart => new() { Rounds = SlowRounds, WarmupRuns = 0, Warmup = TimeSpan.Zero };

    /// <summary>The limit that a kernel meets first, and the operations or bytes that count there.</summary>
    private static (LimitKind Limit, double Amount) Limit(KernelWork work, MachineLimits limits)
    {
        var level = CacheSizes.OfThisMachine.LevelOf(work.Bytes, limits.Threads);
        return work.Compute is { } c && work.Operations / limits[c] >= work.Bytes / limits[level] ? (c, work.Operations) : (level, work.Bytes);
    }

    /// <summary>A run of every tier and peer, after its result was found right.</summary>
    private List<Contender> Checked(KernelFamily family, int[] dims, Workers workers, int[] processors, List<IPeerRun> peers)
    {
        var tiers = new List<Contender>();
        Tensor? expected = null;
        PeerNode? node = null;
        string? selected = null;
        void Check(string name, Tensor actual, double tolerance)
        {
            if (Difference(expected!, actual, tolerance) is { } why) throw new CommandException(ExitCode.ThresholdMissed, $"{family.Stem} {string.Join('x', dims)}, {name}, {workers.Threads} threads: wrong result, nothing was timed: {why}");
        }
        // The reference comes first; where peers are timed, the pick alone stands for ours.
        foreach (string tier in settings.Peers.Length == 0 ? family.Tiers.Reverse() : [.. ((string[])[family.Tiers[^1], family.Pick]).Distinct()])
        {
            family.Select(selected = tier);
            var run = family.Prepare(dims, workers);
            run.Run();
            expected ??= run.Result().Clone();
            node = run.Peer;
            Check(tier, run.Result(), family.Tolerance);
            if (settings.Peers.Length > 0 && tier != family.Pick) continue;
            Action Selected(Action action) => () =>
            {
                if (selected != tier) family.Select(selected = tier);
                action();
            };
            if (run.Dense is { } dense && tier != family.Tiers[^1])
            {
                dense();
                Check($"dense {tier}", run.Result(), family.Tolerance);
                tiers.Add(new($"dense {tier}", KernelRole.Dense, Selected(dense)));
            }
            tiers.Add(new(tier, tier == family.Pick ? KernelRole.Pick : KernelRole.Tier, Selected(run.Run)));
        }
        tiers.Reverse();
        foreach (string peer in node is null ? [] : settings.Peers)
        {
            if (KernelPeers.Create(peer, node!, processors) is not { } run) continue;
            peers.Add(run);
            run.Run();
            Check(peer, run.Result(), family.PeerTolerance);
            tiers.Add(new(KernelPeers.Label(peer), KernelRole.Peer, run.Run));
        }
        return tiers;
    }

    /// <summary>How two results differ, or null; the tolerance is relative to the largest value, because rounding errors of a sum do not grow with the sum.</summary>
    private static string? Difference(Tensor expected, Tensor actual, double tolerance)
    {
        double largest = 0;
        if (tolerance > 0 && expected.DType == DType.F32)
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
