using System.Diagnostics;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>What one loop reached with all its threads: 10⁹ operations or bytes a second.</summary>
internal sealed record LimitFigure(LimitLoop Loop, int Threads, double Giga);

/// <summary>The highest rates that plain loops reach on this machine with so many pinned threads.</summary>
internal sealed class MachineLimits
{
    private MachineLimits(int threads, IReadOnlyList<LimitFigure> figures) => (Threads, Figures) = (threads, figures);

    public int Threads { get; }

    /// <summary>Every loop, limit by limit.</summary>
    public IReadOnlyList<LimitFigure> Figures { get; }

    /// <summary>The rate of the best loop of a limit.</summary>
    public double this[LimitKind kind] => Best(kind).Giga;

    /// <summary>The best loop of a limit; reads of a cache that this machine does not have are those of memory.</summary>
    public LimitFigure Best(LimitKind kind) => Figures.Where(f => f.Loop.Kind == kind).DefaultIfEmpty(Figures[^1]).MaxBy(f => f.Giga)!;

    /// <summary>Takes about <paramref name="budget"/> for each loop.</summary>
    public static MachineLimits Measure(int threads, TimeSpan budget, Func<LimitKind, bool> wanted, CancellationToken cancellation) => PinnedTeam.Run(threads, workers =>
    {
        var figures = new List<LimitFigure>();
        foreach (var loop in LimitLoop.All(CacheSizes.OfThisMachine, threads).Where(l => wanted(l.Kind)))
        {
            cancellation.ThrowIfCancellationRequested();
            figures.Add(new(loop, threads, Rate(workers, loop, budget)));
        }
        return new MachineLimits(threads, figures);
    });

    private static double Rate(Workers workers, LimitLoop loop, TimeSpan budget)
    {
        using var probe = new LimitProbe(workers, loop);
        long times = probe.TurnsFor(budget.TotalSeconds / 20);
        double best = double.PositiveInfinity;
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < budget || double.IsInfinity(best);) best = Math.Min(best, probe.Seconds(times));
        return probe.Work(times) / best / 1e9;
    }
}
