using System.CommandLine;
using System.Globalization;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench choices</c>: which kernel the planner takes for a weight's form, beside what every one takes.</summary>
internal static class ChoicesCommand
{
    private const string Examples = """
        engine-bench choices
        ENGINE_TIER=avx2 engine-bench choices --form 2:4,csr-10 --shape 1x4096x4096 --shape 64x4096x4096
        engine-bench choices --form 2:4,2:4+int8 --shape 64x56x56x64x3x1
        engine-bench choices --wires --form csr-10+int8 --shape 256x14x14x1024x1x1
        """;

    // What a pick may lag the fastest by.
    private const double LargestLag = 1.15;

    private static readonly string[] s_forms = ["2:4", "csr-5", "csr-30", "blocks-10", "2:4+int8", "csr-10+int8", "blocks-30+int8", "int8", "int4", "2:4+int4"];
    private static readonly string[] s_shapes = ["1x1024x1024", "16x1024x1024", "128x1024x1024"];

    private sealed record Row(string Form, string Shape, ChoiceTime Time, double Fastest);

    public static Command Create()
    {
        var forms = new Option<string>("--form") { Description = $"Forms: {ChoiceForms.Names}", DefaultValueFactory = _ => string.Join(',', s_forms), HelpName = "a,b" };
        var shapes = new Option<string[]>("--shape") { Description = "Products m x n x k, or convolutions c x h x w x m x kernel x stride", DefaultValueFactory = _ => s_shapes, HelpName = "64x4096x4096" };
        var wires = new Option<bool>("--wires") { Description = "Between 8-bit wires, as in a network of 8 bits" };
        var threads = new Option<int>("--threads", "-t") { Description = "Pinned threads", DefaultValueFactory = _ => 1, HelpName = "N" };
        var runs = new Option<int>("--runs") { Description = "Timed rounds; each times every kernel once", DefaultValueFactory = _ => 7, HelpName = "N" };
        var assert = new Option<bool>("--assert") { Description = "Exit with 4 where the pick takes 15 % longer than the fastest" };
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("choices", "Times every kernel that may run a weight's form on a shape, in turn, beside the planner's estimates. Codes alone, and 8 bits of zeros, may round activations.");
        foreach (Option o in (Option[])[forms, shapes, wires, threads, runs, assert, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            int[] processors = PinnedTeam.Processors(p.GetValue(threads));
            var bench = new ChoiceBench(Math.Clamp(p.GetValue(runs), 1, 1000), p.GetValue(threads), processors);
            var cases = (from s in p.GetRequiredValue(shapes) from f in p.GetRequiredValue(forms).Split(',', StringSplitOptions.TrimEntries) select (Form: f, Shape: s, Dims: Dims(s))).ToList();
            var rows = new List<Row>();
            PinnedThread.Run(processors, () => ProgressBar.Run(cases.Count, step =>
            {
                foreach (var (form, shape, dims) in cases)
                {
                    cancellation.ThrowIfCancellationRequested();
                    step($"{form} {shape}");
                    var times = bench.Measure(ChoiceModel.Of(form, dims, p.GetValue(wires)), ChoiceForms.IsCoded(form));
                    rows.AddRange(times.Select(t => new Row(form, shape, t, times[0].Median)));
                }
            }));
            Report(rows, p.GetValue(threads)).Write(p.GetValue(format), p.GetValue(output));
            var lags = rows.Where(r => r.Time.IsPick && r.Time.Median > LargestLag * r.Fastest).ToList();
            if (!p.GetValue(assert) || lags.Count == 0) return ExitCode.Ok;
            foreach (var r in lags) Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error: {r.Form} {r.Shape}: {r.Time.Stem} takes {r.Time.Median / r.Fastest:0.00} times as long as the fastest"));
            return ExitCode.ThresholdMissed;
        });
    }

    private static int[] Dims(string shape)
    {
        string[] parts = shape.Split('x');
        int[] dims = [.. parts.Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int d) ? d : 0)];
        return dims.Length is 3 or 6 && dims.All(d => d is > 0 and <= 1 << 16) ? dims : throw CommandException.Usage($"--shape {shape}: expected m x n x k, or c x h x w x m x kernel x stride");
    }

    private static Report Report(List<Row> rows, int threads)
    {
        var table = new Table(new("form", "form"), new("shape", "shape"), new("threads", "threads"), new("kernel", "kernel"), new("pick", "is_pick"), new("estimate µs", "estimate_us", "0.0"), new("p50 µs", "p50_us", "0.0"), new("estimate / p50", "estimate_ratio", "0.00"), new("time / fastest", "ratio", "0.00"));
        foreach (var r in rows) table.Add(r.Form, r.Shape, threads, r.Time.Stem, r.Time.IsPick, r.Time.Estimate / 1e3, r.Time.Median / 1e3, r.Time.Estimate / r.Time.Median, r.Time.Median / r.Fastest);
        var report = new Report();
        Machine.Describe(report);
        return report.Add("choices", "choices", table).AddNote("'pick' is the kernel of the least estimate, for one core; every kernel's own step is timed, in turn, and what is estimated to take twelve times as long as the pick is left out.");
    }
}
