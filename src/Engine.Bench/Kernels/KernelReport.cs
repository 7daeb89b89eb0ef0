using Engine.Cli;

namespace Engine.Bench;

/// <summary>The table of <c>engine-bench kernels</c>.</summary>
internal static class KernelReport
{
    public static Report Make(IReadOnlyList<KernelResult> results, IEnumerable<MachineLimits> limits)
    {
        var report = new Report();
        Machine.Describe(report);
        report.Add("limits", "limits of this machine, measured just before", Limits(limits));
        report.Add("kernels", "kernels", Kernels(results));
        return report
            .AddNote("Threads are pinned. Every result was checked against the scalar reference before it was timed; tiers, 'dense' (our kernel for dense operands on the same tier) and peers were timed in turn, and a block begins when the threads of the one before sleep. Peers have their weights packed beforehand, as ours are.")
            .AddNote("'% of limit' is the least time that operations or bytes take at the limit named, whichever is longer, over the time measured; a loop at that limit is timed in turn with the tiers. Bytes count operands and results once, from the level of memory that holds them all.")
            .AddNote("'time / pick' is the median ratio to the dispatcher's pick with its 95 % interval; above 1 is slower.");
    }

    private static Table Limits(IEnumerable<MachineLimits> limits)
    {
        var table = new Table(new("what", "what"), new("threads", "threads"), new("rate", "rate", "0.0"), new("unit", "unit"));
        foreach (var l in limits)
            foreach (var kind in l.Figures.Select(f => f.Loop.Kind).Distinct())
                table.Add(LimitLoop.Name(kind), l.Threads, l[kind], LimitLoop.Unit(kind));
        return table;
    }

    private static Table Kernels(IReadOnlyList<KernelResult> results)
    {
        var table = new Table(
            new("kernel", "kernel"), new("shape", "shape"), new("axes", "axes", Hidden: Hide.Markdown), new("threads", "threads"), new("tier or peer", "tier"), new("pick", "is_pick"), new("samples", "samples"), new("p50 µs", "p50_us", "0.00"),
            new("GFLOP/s", "giga_ops_per_s", "0.0"), new("GB/s", "gigabytes_per_s", "0.0"), new("% of limit", "percent_of_limit", "0"), new("limit", "limit"),
            new("time / pick", "ratio_text"), new("ratio", "ratio", Hidden: Hide.Markdown | Hide.Csv), new("low", "ratio_low", Hidden: Hide.Markdown | Hide.Csv), new("high", "ratio_high", Hidden: Hide.Markdown | Hide.Csv));
        foreach (var r in results)
            foreach (var t in r.Times)
                table.Add(r.Family.Stem, r.Shape, r.Family.Axes, r.Threads, t.Tier, t.Role is KernelRole.Peer or KernelRole.Dense ? null : t.Role == KernelRole.Pick, t.Times.InOrder.Length, t.Median / 1e3,
                    r.Work.Operations > 0 ? r.Work.Operations / t.Median : null, r.Work.Bytes / t.Median, 100 * r.LimitNanoseconds / t.Median, LimitLoop.Name(r.Limit),
                    t.Role == KernelRole.Pick ? "1" : t.ToPick.ToString(), t.ToPick.Median, t.ToPick.Low, t.ToPick.High);
        return table;
    }
}
