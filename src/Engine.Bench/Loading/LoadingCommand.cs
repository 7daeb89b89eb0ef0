using System.CommandLine;
using System.Diagnostics;
using Engine.Cli;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary><c>engine-bench loading</c>: how long models take from the file to the first result inside one process, in turn.</summary>
internal static class LoadingCommand
{
    private const string Examples = """
        engine-bench loading m.onnx m.engine m-packed.engine
        engine-bench loading large.engine --verify header --only-load
        """;

    /// <summary>Times of one model in nanoseconds, an entry a run, and what the last run held.</summary>
    private sealed class Times(string path, Verification verification)
    {
        public string Path => path;

        public Verification Verification => verification;

        public List<long> Load { get; } = [];

        public List<long> Plan { get; } = [];

        public List<long> Run { get; } = [];

        public long PackedBytes { get; set; }

        public long StoredPackedBytes { get; set; }
    }

    public static Command Create()
    {
        var files = new Argument<string[]>("models") { Description = "Model files", HelpName = "model", Arity = ArgumentArity.OneOrMore };
        var runs = new Option<int>("--runs") { Description = "Timed loads of each, after one that is shown apart", DefaultValueFactory = _ => 10, HelpName = "N" };
        var verify = new Option<Verification[]>("--verify") { Description = "What is checked at load: full, header or both", DefaultValueFactory = _ => [Verification.Full, Verification.Header], HelpName = "full|header", AllowMultipleArgumentsPerToken = true };
        var only = new Option<bool>("--only-load") { Description = "Load and dispose; plan and run nothing" };
        var shapes = new Option<string[]>("--shape") { Description = "Shape of an input", HelpName = "NAME:1x3x224x224" };
        var format = CommonOptions.Format("md|csv|json");
        Option<string?> output = new("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("loading", "Times loading, planning with packing of weights, and the first run, of each model in turn.") { files };
        foreach (Option o in (Option[])[runs, verify, only, shapes, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            int count = p.GetValue(runs);
            if (count is < 1 or > 10_000) throw CommandException.Usage($"--runs {count}: expected 1 to 10000");
            foreach (string f in p.GetRequiredValue(files))
                if (!File.Exists(f)) throw CommandException.Usage($"{f}: no such file");
            var given = NamedValue.Shapes(p.GetValue(shapes));
            var all = (from f in p.GetRequiredValue(files) from v in p.GetRequiredValue(verify) select new Times(f, v)).ToList();
            for (int i = 0; i <= count; i++)
                foreach (var t in all)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Measure(t, given, p.GetValue(only));
                    // What the run before left is not this one's to clear away.
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
            Report(all, p.GetValue(only)).Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }

    private static void Measure(Times t, IReadOnlyDictionary<string, Shape> shapes, bool onlyLoad)
    {
        long start = Stopwatch.GetTimestamp();
        using var model = Model.Load(t.Path, new ModelOptions { Verification = t.Verification });
        t.Load.Add(Since(start));
        if (onlyLoad) return;
        var inputs = model.Inputs.ToDictionary(i => i.Name, i => (RuntimeValue)RandomInputs.Make(i, shapes));
        start = Stopwatch.GetTimestamp();
        using var session = model.CreateSession();
        model.Plan(inputs);
        t.Plan.Add(Since(start));
        start = Stopwatch.GetTimestamp();
        session.Run(inputs);
        t.Run.Add(Since(start));
        (t.PackedBytes, t.StoredPackedBytes) = (model.PackedBytes, model.StoredPackedBytes);
    }

    private static long Since(long start) => (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;

    private static Report Report(List<Times> all, bool onlyLoad)
    {
        var table = new Table(new("model", "model"), new("file MiB", "file_mib", "0.0"), new("verification", "verification"), new("first load ms", "first_load_ms", "0.00"), new("load ms", "load_ms", "0.00"), new("sd ms", "load_sd_ms", "0.00"),
            new("first plan ms", "first_plan_ms", "0.00"), new("plan and pack ms", "plan_ms", "0.00"), new("first run ms", "run_ms", "0.00"), new("packed MiB", "packed_mib", "0.0"), new("from the file MiB", "stored_packed_mib", "0.0"));
        foreach (var t in all)
        {
            Samples load = new([.. t.Load.Skip(1)]), plan = new([.. t.Plan.Skip(1)]), run = new([.. t.Run.Skip(1)]);
            double? Unless(double v) => onlyLoad ? null : v;
            table.Add(t.Path, new FileInfo(t.Path).Length / 1048576.0, t.Verification.ToString().ToLowerInvariant(), t.Load[0] / 1e6, load.Percentile(50) / 1e6, load.Deviation / 1e6,
                Unless(t.Plan.FirstOrDefault() / 1e6), Unless(plan.Percentile(50) / 1e6), Unless(run.Percentile(50) / 1e6), Unless(t.PackedBytes / 1048576.0), Unless(t.StoredPackedBytes / 1048576.0));
        }
        var report = new Report();
        Machine.Describe(report);
        return report.Add("loading", "From the file to the first result", table).AddNote("Medians; the first load and plan of a model are shown apart, and those of the first row compile code.");
    }
}
