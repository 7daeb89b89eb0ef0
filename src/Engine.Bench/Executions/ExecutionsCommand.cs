using System.CommandLine;
using System.Globalization;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench executions</c>: binary convolutions in plans, every execution in turn, beside what the planner chooses.</summary>
internal static class ExecutionsCommand
{
    private const string Examples = """
        engine-bench executions
        engine-bench executions --shape 8x256x14x14x256x3x1x15 --threads 2
        ENGINE_TIER=avx2 engine-bench executions --format csv -o executions.csv
        """;

    private static readonly string[] s_shapes =
    [
        "1x64x56x56x64x3x1x50", "8x64x56x56x64x3x1x50", "1x64x56x56x64x3x1x15", "1x128x28x28x128x3x1x50", "8x128x28x28x128x3x1x50", "1x128x28x28x128x3x1x15", "1x256x14x14x256x3x1x50", "8x256x14x14x256x3x1x50",
        "8x256x14x14x256x3x1x15", "1x512x7x7x512x3x1x50", "8x512x7x7x512x3x1x50", "1x64x56x56x128x3x2x50", "8x128x28x28x256x3x2x50", "1x256x14x14x512x3x2x50", "1x64x56x56x64x1x1x50", "8x128x28x28x128x1x1x50",
        "1x256x14x14x256x1x1x50", "1x512x7x7x512x1x1x50", "1x64x28x28x64x5x1x50", "8x128x14x14x128x5x1x50", "1x16x28x28x16x3x1x50", "8x32x14x14x64x3x1x50", "1x64x14x14x64x3x1x50", "64x64x7x7x128x3x1x50",
    ];

    public static Command Create()
    {
        var shapes = new Option<string[]>("--shape") { Description = "Images x channels x height x width x filters x window x stride x percentage of signs in which a filter differs from another", DefaultValueFactory = _ => s_shapes, HelpName = "1x64x56x56x64x3x1x50" };
        var threads = new Option<int>("--threads", "-t") { Description = "Threads", DefaultValueFactory = _ => 1, HelpName = "N" };
        var runs = new Option<int>("--runs") { Description = "Timed runs of each", DefaultValueFactory = _ => 10, HelpName = "N" };
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("executions", "Times binary convolutions in plans, packed, FR and MST in turn, to signs and to f32, and tells which of them the planner chooses.");
        foreach (Option o in (Option[])[shapes, threads, runs, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            int count = p.GetValue(runs), workers = p.GetValue(threads);
            if (count is < 1 or > 100_000) throw CommandException.Usage($"--runs {count}: expected 1 to 100000");
            if (workers is < 1 or > 1024) throw CommandException.Usage($"--threads {workers}: expected 1 to 1024");
            var cases = p.GetRequiredValue(shapes).SelectMany(s => new[] { true, false }.Select(signs => new ExecutionCase(s, Numbers(s), signs))).ToList();
            var table = new Table(new("shape", "shape"), new("to", "to"), new("packed µs", "packed_us", "0.0"), new("FR µs", "fr_us", "0.0"), new("MST µs", "mst_us", "0.0"), new("conversions µs", "conversions_us", "0.0"), new("fastest", "fastest"), new("chosen", "chosen"),
                new("chosen / fastest", "ratio", "0.00"), new("estimates", "estimates"));
            foreach (var c in cases)
            {
                var r = c.Measure(workers, count, cancellation);
                table.Add(c.Name, c.ToSigns ? "signs" : "f32", r.Times[0] / 1e3, r.Times[1] / 1e3, r.Times[2] / 1e3, r.Conversions / 1e3, r.Fastest, r.Chosen, r.Ratio, r.Estimates);
            }
            var report = new Report();
            Machine.Describe(report);
            report.Add("executions", "Executions", table).AddNote("Medians of a layer with the conversions between words and planes that it needs; signs of f32 are taken before and read after, and not counted. 'conversions' are those two, of the planner's choice.");
            report.Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }

    private static int[] Numbers(string shape)
    {
        string[] parts = shape.Split('x');
        var d = new int[8];
        if (parts.Length != d.Length) throw CommandException.Usage($"--shape {shape}: expected {d.Length} numbers");
        for (int i = 0; i < d.Length; i++)
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out d[i]) || d[i] is < 1 or > 4096) throw CommandException.Usage($"--shape {shape}: '{parts[i]}' is not a number from 1 to 4096");
        if (d[7] > 50) throw CommandException.Usage($"--shape {shape}: filters differ in 1 to 50 percent of their signs");
        return d;
    }
}
