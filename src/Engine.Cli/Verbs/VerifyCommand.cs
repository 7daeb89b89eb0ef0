using System.CommandLine;
using System.Diagnostics;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine verify</c>: runs ONNX test cases and compares with their stored outputs.</summary>
internal static class VerifyCommand
{
    private const string Examples = """
        engine verify /usr/share/libonnx-testdata/data
        engine verify bench/models --rtol 1e-5
        engine verify data/node --filter conv --format csv
        engine verify data --skips skips.txt --format json    a skipped case a line: name, tab, reason
        """;

    private sealed record Outcome(string Result, double? Difference, string Detail)
    {
        public static Outcome Fail(string why) => new("FAIL", null, why);
    }

    public static Command Create()
    {
        Argument<string> folder = new("dir") { Description = "Folder; every folder below it with model.onnx and test_data_set_*/{input,output}_*.pb is a case", HelpName = "dir" };
        Option<double> rtol = new("--rtol") { Description = "Relative tolerance of floating-point outputs", DefaultValueFactory = _ => 1e-3 };
        Option<double> atol = new("--atol") { Description = "Absolute tolerance of floating-point outputs", DefaultValueFactory = _ => 1e-5 };
        Option<string?> filter = new("--filter") { Description = "Only cases whose name contains this", HelpName = "text" };
        Option<string?> skips = new("--skips") { Description = "Cases to leave out: a line each, name, tab, reason", HelpName = "file" };
        Option<double> timeout = new("--timeout") { Description = "Seconds after which a case fails", DefaultValueFactory = _ => 60 };
        var threads = CommonOptions.Threads();
        var level = CommonOptions.OptimizationLevel();
        var format = CommonOptions.Format("md|json|csv");
        return new Command("verify", "Run ONNX test cases and compare with their stored outputs") { folder, rtol, atol, filter, skips, timeout, threads, level, format }.Action(Examples, (p, cancellation) =>
        {
            string root = p.GetRequiredValue(folder);
            if (!Directory.Exists(root)) throw CommandException.Usage($"{root}: no such folder");
            if (p.GetValue(timeout) is not (> 0 and < 1e6)) throw CommandException.Usage("--timeout: expected a positive number of seconds");
            var cases = OnnxTestCases.Find(root).Where(c => c.Name.Contains(p.GetValue(filter) ?? "", StringComparison.OrdinalIgnoreCase)).ToList();
            if (cases.Count == 0) throw CommandException.Usage($"{root}: no test cases{(p.GetValue(filter) is { } f ? $" with '{f}' in their name" : "")}");
            var skipped = ReadSkips(p.GetValue(skips));
            var settings = new RunSettings(p.GetValue(threads), p.GetValue(level));
            var table = new Table(new("case", "case"), new("opset", "opset"), new("ops", "ops"), new("result", "result"), new("max diff", "max_diff", "0.###e+0"), new("ms", "ms", "0.0"), new("detail", "detail"));
            ProgressBar.Run(cases.Count, step =>
            {
                foreach (var c in cases)
                {
                    cancellation.ThrowIfCancellationRequested();
                    step(c.Name);
                    Row(table, c, skipped.GetValueOrDefault(c.Name), settings, p.GetValue(rtol), p.GetValue(atol), TimeSpan.FromSeconds(p.GetValue(timeout)), cancellation);
                }
            });
            int Count(string result) => table.Rows.Count(r => (string)r[3]! == result);
            int passed = Count("pass"), failed = Count("FAIL"), left = Count("skip");
            new Report().Add("cases", "", table).Add("passed", "passed", passed).Add("failed", "failed", failed).Add("skipped", "skipped", left).Add("total", "total", cases.Count).Write(p.GetValue(format));
            if (p.GetValue(format) == ReportFormat.Csv) Console.Error.WriteLine($"{passed} passed, {failed} failed, {left} skipped");
            return failed == 0 ? ExitCode.Ok : ExitCode.ThresholdMissed;
        });
    }

    private static void Row(Table table, OnnxTestCase c, string? skip, RunSettings settings, double rtol, double atol, TimeSpan timeout, CancellationToken cancellation)
    {
        if (skip is not null)
        {
            table.Add(c.Name, null, null, "skip", null, null, skip);
            return;
        }
        var watch = Stopwatch.StartNew();
        EngineModel? model = null;
        Outcome outcome;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(timeout);
            model = EngineModel.Load(c.ModelPath, settings);
            outcome = Run(model, c, rtol, atol, limit.Token);
        }
        catch (Exception e) when (e is EngineException or CommandException)
        {
            outcome = Outcome.Fail(e.Message.StartsWith(c.ModelPath + ": ", StringComparison.Ordinal) ? e.Message[(c.ModelPath.Length + 2)..] : e.Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            outcome = Outcome.Fail($"took longer than {timeout.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A defect: one case must not hide the results of all others.
            outcome = Outcome.Fail($"internal error: {e.GetType().Name}: {e.Message}");
        }
        using (model)
        {
            long? opset = model?.AsStored.Opsets.TryGetValue("", out int v) == true ? v : null;
            table.Add(c.Name, opset, model is null ? null : Operators(model.AsStored.Graph), outcome.Result, outcome.Difference, watch.Elapsed.TotalMilliseconds, outcome.Detail);
        }
    }

    private static Outcome Run(EngineModel model, OnnxTestCase c, double rtol, double atol, CancellationToken cancellation)
    {
        if (c.DataSets.Count == 0) return Outcome.Fail("no test_data_set_* folder");
        double worst = 0;
        foreach (var set in c.DataSets)
        {
            var expected = set.ReadOutputs(model.Graph);
            var given = set.ReadInputs(model.Graph);
            var inputs = new Dictionary<string, RuntimeValue>();
            for (int i = 0; i < given.Count; i++) inputs[model.Graph.Inputs[i].Name] = given[i];
            var actual = model.Run(inputs, cancellation);
            for (int i = 0; i < expected.Count; i++)
            {
                worst = Math.Max(worst, Metrics.LargestDifference(expected[i], actual[i]));
                if (ValueComparer.Compare(expected[i], actual[i], rtol, atol) is { } why) return new("FAIL", worst, $"{set.Name}, output '{model.Graph.Outputs[i].Name}': {why}");
            }
        }
        return new("pass", worst, "");
    }

    /// <summary>Distinct operators in order of first use, the first few by name.</summary>
    private static string Operators(ModelGraph graph)
    {
        const int Shown = 4;
        var names = graph.Nodes.Select(n => n.Op.ToString()).Distinct().ToList();
        return string.Join(' ', names.Take(Shown)) + (names.Count > Shown ? $" +{names.Count - Shown}" : "");
    }

    private static Dictionary<string, string> ReadSkips(string? path)
    {
        var skips = new Dictionary<string, string>();
        if (path is null) return skips;
        if (!File.Exists(path)) throw CommandException.Usage($"{path}: no such file");
        foreach (string line in File.ReadLines(path))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var parts = line.Split('\t', 2);
            skips[parts[0].Trim()] = parts.Length > 1 ? parts[1].Trim() : "";
        }
        return skips;
    }
}
