using System.Globalization;
using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>The tables of <c>engine-bench</c>.</summary>
internal static class BenchReport
{
    // More than this between runs of one program on one machine, and a comparison of two numbers says little.
    private const double LargestVariation = 0.025;

    // Of all processors, in percent.
    private const double LargestOtherLoad = 3;

    private const double MiB = 1 << 20;

    private const Hide People = Hide.Markdown | Hide.Csv;

    public static Report Make(IReadOnlyList<BenchCase> cases, BenchSettings settings, IReadOnlyList<string> notes, BaselineComparison? comparison, double? otherLoad)
    {
        var report = new Report();
        Machine.Describe(report);
        report.Add("warmup", "warm-up, not counted", settings.Warmup == 0 ? "one run" : $"at least {settings.Warmup} runs and half a second");
        report.Add("spin_us", "idle threads spin, µs", settings.SpinMicroseconds)
            .Add("affinity", "processors of the threads", cases.Max(c => c.Processors.Count) > 0 ? string.Join(',', cases.MaxBy(c => c.Processors.Count)!.Processors) : "not bound");
        if (otherLoad is { } load) report.Add("other_load_percent", "processors busy with other programs, %", load, "0.0");
        foreach (string peer in settings.Peers) report.Add($"{peer}_version", peer, OnnxRuntimePeer.Version);
        report.Add("models", "", Whole(cases, settings));
        if (comparison is not null) report.Add("comparison", $"against {settings.Baseline}", comparison.Table());
        foreach (string note in comparison?.Warnings ?? []) report.AddNote(note);
        foreach (string note in notes.Concat(cases.Where(IsNoisy).Select(Noise)).Concat(Disturbance(otherLoad))) report.AddNote(note);
        if (settings.Peers.Length > 0) report.AddNote("A ratio is our time over the peer's, from blocks of runs in turn, each begun when the other engine's threads sleep, results compared first; below 1 is faster.");
        if (!settings.Layers) return report;
        foreach (var c in cases) report.Add("layers", c.Title, Steps(c));
        return report.AddNote("Times of steps are taken one by one and add up to more than a run; where steps are fused, one row holds several operators. Compare models by whole-model time.");
    }

    public static bool IsNoisy(BenchCase c) => c.Times.Variation > LargestVariation;

    public static string Noise(BenchCase c) => string.Create(CultureInfo.InvariantCulture, $"{c.Title}: the coefficient of variation is {c.Times.Variation * 100:0.0} %, more than {LargestVariation * 100:0.0} %.");

    /// <summary>A line where other programs took more of the processors than a measurement bears.</summary>
    public static IEnumerable<string> Disturbance(double? otherLoad) =>
        otherLoad > LargestOtherLoad ? [string.Create(CultureInfo.InvariantCulture, $"Other programs kept {otherLoad:0.0} % of the processors busy: times are longer than they need be.")] : [];

    /// <summary>| model | size MiB | params | scheme | backend | threads | batch | runs | p50 ms | mean ± sd ms | p99 ms | inf/s | alloc B/run | peak MiB |</summary>
    private static Table Whole(IReadOnlyList<BenchCase> cases, BenchSettings settings)
    {
        Column Percentile(double p) => new(string.Create(CultureInfo.InvariantCulture, $"p{p:0.##} ms"), string.Create(CultureInfo.InvariantCulture, $"p{p:0.##}_ms"), "0.000");
        double[] early = [.. settings.Percentiles.Where(p => p <= 50)], late = [.. settings.Percentiles.Where(p => p > 50)];
        var table = new Table([
            new("model", "model"), new("size MiB", "size_mib", "0.00"), new("params", "params"), new("scheme", "scheme"), new("backend", "backend"), new("threads", "threads"), new("batch", "batch"), new("runs", "runs"),
            .. early.Select(Percentile), new("mean ± sd ms", "mean_sd_ms"), .. late.Select(Percentile), new("inf/s", "inferences_per_s", "0.0"), new("alloc B/run", "alloc_bytes_per_run", "0.#"), new("peak MiB", "peak_mib", "0.00"),
            .. PeerColumns(settings),
            new("warm-up runs", "warmup_runs", Hidden: People), new("mean ms", "mean_ms", Hidden: People), new("sd ms", "sd_ms", Hidden: People), new("sha256", "model_sha256", Hidden: People), new("samples", "samples_ns", Hidden: People)]);
        foreach (var c in cases)
        {
            var s = new ModelStatistics(c.Model.AsStored.Graph);
            var t = c.Times;
            table.Add([
                c.Name, new FileInfo(c.Model.Path).Length / MiB, s.Parameters, s.MainScheme, "cpu", c.Threads, c.Batch, t.InOrder.Length,
                .. early.Select(p => (object?)(t.Percentile(p) / 1e6)), string.Create(CultureInfo.InvariantCulture, $"{t.Mean / 1e6:0.000} ± {t.Deviation / 1e6:0.000}"), .. late.Select(p => (object?)(t.Percentile(p) / 1e6)),
                c.Batch * 1e9 / t.Mean, c.AllocatedBytes, c.PeakBytes / MiB,
                .. settings.Peers.SelectMany(p => PeerCells(c.Peers.Find(x => x.Peer == p))),
                c.WarmupRuns, t.Mean / 1e6, t.Deviation / 1e6, c.Model.Sha256(), t.InOrder]);
        }
        return table;
    }

    /// <summary>| peer | peer p50 ms | ratio (95 % CI) |, and what they are made of for programs.</summary>
    private static IEnumerable<Column> PeerColumns(BenchSettings settings) => settings.Peers.SelectMany(_ => (Column[])[
        new("peer", "peer"), new("peer p50 ms", "peer_p50_ms", "0.000"), new("ratio (95 % CI)", "ratio_ci"),
        new("ratio", "ratio", Hidden: People), new("ratio low", "ratio_low", Hidden: People), new("ratio high", "ratio_high", Hidden: People),
        new("p50 ms beside the peer", "interleaved_p50_ms", Hidden: People), new("samples beside the peer", "interleaved_samples_ns", Hidden: People), new("peer samples", "peer_samples_ns", Hidden: People)]);

    private static IEnumerable<object?> PeerCells(PeerComparison? p) => p is null ? Enumerable.Repeat<object?>(null, 9) :
        [p.Peer, p.Theirs.Percentile(50) / 1e6, p.Ratio.ToString(), p.Ratio.Median, p.Ratio.Low, p.Ratio.High, p.Ours.Percentile(50) / 1e6, p.Ours.InOrder, p.Theirs.InOrder];

    /// <summary>| # | layer | op | out shape | scheme | kernel | tier | avg ms | p50 ms | % | cum % | GOP/s | weight KiB | vs dense |</summary>
    private static Table Steps(BenchCase c)
    {
        var table = new Table(
            new("model", "model", Hidden: Hide.Markdown), new("threads", "threads", Hidden: Hide.Markdown), new("batch", "batch", Hidden: Hide.Markdown),
            new("#", "index"), new("layer", "layer"), new("op", "op"), new("out shape", "out_shape"), new("scheme", "scheme"), new("kernel", "kernel"), new("tier", "tier"), new("avg ms", "avg_ms", "0.0000"), new("p50 ms", "p50_ms", "0.0000"),
            new("%", "percent", "0.0"), new("cum %", "cumulative_percent", "0.0"), new("GOP/s", "gop_per_s", "0.00"), new("weight KiB", "weight_kib", "0.0"), new("vs dense", "vs_dense", "0.00"));
        var steps = c.Steps.Select(s => (s.Step, s.Index, Times: new Samples(s.Nanoseconds))).ToList();
        double total = steps.Sum(s => s.Times.Mean), sum = 0;
        foreach (var (step, index, times) in steps)
        {
            sum += times.Mean;
            double? rate = step.Cost.Operations > 0 && times.Mean > 0 ? step.Cost.Operations / times.Mean : null;
            // A dense weight is its own baseline; steps without weights have none.
            double? gain = step.Scheme == "Dense" ? 1 : null;
            table.Add(c.Name, c.Threads, c.Batch, index, step.Name, step.Operator, step.OutputDescription, step.Scheme, step.Stem, KernelTables.TierOf(step.Stem), times.Mean / 1e6, times.Percentile(50) / 1e6,
                total == 0 ? 0.0 : 100 * times.Mean / total, total == 0 ? 0.0 : 100 * sum / total, rate, step.WeightBytes / 1024.0, gain);
        }
        return table;
    }
}
