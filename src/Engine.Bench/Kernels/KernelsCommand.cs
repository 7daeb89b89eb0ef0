using System.CommandLine;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench kernels</c>: every tier of every kernel, against the machine's limits.</summary>
internal static class KernelsCommand
{
    private const string Examples = """
        engine-bench kernels
        engine-bench kernels gemm-f32 --shape 1024x1024x1024 --threads 1,2
        engine-bench kernels conv-blocked conv-depthwise-blocked --assert
        engine-bench kernels gemm-f32 conv-winograd --threads 1,2 --peer onnxruntime,onednn,ggml
        engine-bench kernels --list
        """;

    // Short: it only tells which limit a kernel meets first; the limit itself is timed again beside each kernel.
    private static readonly TimeSpan LimitBudget = TimeSpan.FromMilliseconds(100);

    private static readonly Argument<string[]> Stems = new("stems") { Description = "Kernels to measure; default: all", HelpName = "stems", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> Shapes = new("--shape") { Description = "Shape to measure instead of a kernel's own; --list says what its numbers mean", HelpName = "1024x1024x1024" };
    private static readonly Option<string> Threads = new("--threads", "-t") { Description = "Thread counts to measure; threads are pinned", DefaultValueFactory = _ => "1", HelpName = "1,2" };
    private static readonly Option<int> Runs = new("--runs") { Description = "Fewest timed rounds of a shape; each times every tier once", DefaultValueFactory = _ => 30, HelpName = "N" };
    private static readonly Option<int> MinTime = new("--min-time") { Description = "Shortest time of all rounds of a shape, in milliseconds", DefaultValueFactory = _ => 300, HelpName = "ms" };
    private static readonly Option<string?> Peer = new("--peer") { Description = "Other engines to time in turn with the dispatcher's pick: onnxruntime, onednn, ggml, xnnpack", HelpName = "names" };
    private static readonly Option<bool> Assert = new("--assert") { Description = "Exit with 4 where the dispatcher's pick lags the fastest tier by more than 5 %" };
    private static readonly Option<bool> List = new("--list") { Description = "Only list the kernels, their tiers and shapes" };

    public static Command Create()
    {
        var command = new Command("kernels", "Times every tier of the kernels, against the limits of this machine. Results are checked against the scalar reference first.");
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        command.Arguments.Add(Stems);
        foreach (Option o in (Option[])[Shapes, Threads, Runs, MinTime, Peer, Assert, List, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            var cases = Cases(p.GetRequiredValue(Stems), p.GetValue(Shapes) ?? []);
            if (p.GetValue(List))
            {
                Listing(cases).Write(p.GetValue(format), p.GetValue(output));
                return ExitCode.Ok;
            }
            int[] threads = NamedValue.Counts(p.GetRequiredValue(Threads), "--threads");
            foreach (int n in threads) PinnedTeam.Processors(n);
            string[] peers = PeerNames.Parse(p.GetValue(Peer));
            KernelPeers.Require(peers);
            int runs = p.GetValue(Runs), minTime = p.GetValue(MinTime);
            if (runs is < 1 or > 1_000_000) throw CommandException.Usage($"--runs {runs}: expected 1 to 1000000");
            if (minTime is < 0 or > 600_000) throw CommandException.Usage($"--min-time {minTime}: expected 0 to 600000");
            var limits = threads.Distinct().ToDictionary(n => n, n => MachineLimits.Measure(n, LimitBudget, kind => kind != LimitKind.Popcount || cases.Any(c => c.Family.Work(c.Dims).Compute == kind), cancellation));
            var results = Measure(cases, threads, new KernelBench(new(runs, TimeSpan.FromMilliseconds(minTime), peers), limits), cancellation);
            KernelReport.Make(results, limits.Values).Write(p.GetValue(format), p.GetValue(output));
            if (!p.GetValue(Assert)) return ExitCode.Ok;
            string[] lags = [.. results.Select(r => r.Lag()).OfType<string>()];
            foreach (string lag in lags) Console.Error.WriteLine($"error: {lag}");
            return lags.Length == 0 ? ExitCode.Ok : ExitCode.ThresholdMissed;
        });
    }

    private static List<KernelResult> Measure(IReadOnlyList<(KernelFamily Family, int[] Dims)> cases, int[] threads, KernelBench bench, CancellationToken cancellation)
    {
        var results = new List<KernelResult>();
        var all = (from c in cases from t in threads where t == 1 || !c.Family.OneThread select (c.Family, c.Dims, Threads: t)).ToList();
        ProgressBar.Run(all.Count, step =>
        {
            foreach (var (family, dims, t) in all)
            {
                step($"{family.Stem} {string.Join('x', dims)}");
                results.Add(bench.Measure(family, dims, t, cancellation));
            }
        });
        return results;
    }

    /// <summary>The kernels asked for on the shapes asked for, or on their own.</summary>
    private static List<(KernelFamily Family, int[] Dims)> Cases(string[] stems, string[] shapes)
    {
        foreach (string s in stems)
            if (!KernelCases.All.Any(f => f.Stem == s)) throw CommandException.Usage($"no kernel '{s}'; there are {string.Join(", ", KernelCases.All.Select(f => f.Stem))}");
        if (shapes.Length > 0 && stems.Length == 0) throw CommandException.Usage("--shape needs the kernel that it is for");
        return
        [
            .. from f in KernelCases.All
               where stems.Length == 0 || stems.Contains(f.Stem)
               from s in shapes.Length > 0 ? shapes : f.Shapes
               select (f, f.Parse(s) ?? throw CommandException.Usage($"--shape {s}: {f.Stem} takes {f.Axes}, as in {f.Shapes[0]}")),
        ];
    }

    private static Report Listing(IEnumerable<(KernelFamily Family, int[] Dims)> cases)
    {
        var table = new Table(new("kernel", "kernel"), new("axes", "axes"), new("tiers", "tiers"), new("pick", "pick"), new("shapes", "shapes"));
        foreach (var g in cases.GroupBy(c => c.Family))
            table.Add(g.Key.Stem, g.Key.Axes, string.Join(", ", g.Key.Tiers), g.Key.Pick, string.Join(", ", g.Select(c => string.Join('x', c.Dims))));
        return new Report().Add("kernels", "", table);
    }
}
