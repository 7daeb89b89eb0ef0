using System.CommandLine;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench limits</c>: what this machine can do at most.</summary>
internal static class LimitsCommand
{
    private const string Examples = """
        engine-bench limits
        engine-bench limits --threads 1,2
        engine-bench limits --threads 1,2 --format json -o limits.json
        """;

    public static Command Create()
    {
        var command = new Command("limits", "The limits of this machine: f32 and int8 multiply-adds, popcount, and reads from each level of memory, by pinned threads.");
        var threads = new Option<string>("--threads", "-t") { Description = "Thread counts to measure", DefaultValueFactory = _ => "1", HelpName = "1,2" };
        var minTime = new Option<int>("--budget") { Description = "Milliseconds for each loop", DefaultValueFactory = _ => 300, HelpName = "ms" };
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        foreach (Option o in (Option[])[threads, minTime, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            int[] counts = NamedValue.Counts(p.GetRequiredValue(threads), "--threads");
            foreach (int n in counts) PinnedTeam.Processors(n);
            int budget = p.GetValue(minTime);
            if (budget is < 1 or > 60_000) throw CommandException.Usage($"--budget {budget}: expected 1 to 60000");
            var report = new Report();
            Machine.Describe(report);
            report.Add("limits", "", Table([.. counts.Select(n => MachineLimits.Measure(n, TimeSpan.FromMilliseconds(budget), _ => true, cancellation))]));
            report.AddNote("Threads are pinned, one a processor. The best of the samples is shown; a form marked 'limit' is the fastest of its kind, and what kernels are measured against.");
            report.Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }

    private static Table Table(IReadOnlyList<MachineLimits> measured)
    {
        var table = new Table(new("what", "what"), new("form", "form"), new("KiB a thread", "kib_per_thread"), new("threads", "threads"), new("rate", "rate", "0.0"), new("unit", "unit"), new("limit", "is_limit"));
        foreach (var kind in Enum.GetValues<LimitKind>())
            foreach (var limits in measured)
                foreach (var f in limits.Figures.Where(f => f.Loop.Kind == kind))
                    table.Add(LimitLoop.Name(kind), f.Loop.Form, kind >= LimitKind.L1 ? f.Loop.Bytes >> 10 : null, f.Threads, f.Giga, LimitLoop.Unit(kind), f.Giga == limits[kind]);
        return table;
    }
}
