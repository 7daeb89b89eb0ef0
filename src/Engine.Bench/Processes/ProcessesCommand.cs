using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench processes</c>: how long whole processes take, from start to end, in turn.</summary>
internal static class ProcessesCommand
{
    private const string Examples = """
        engine-bench processes "artifacts/engine run artifacts/networks/mobilenetv2.onnx --shape x:1x3x224x224 --threads 2" "node bench/cold/run.js artifacts/networks/mobilenetv2.onnx 2 1x3x224x224"
        """;

    public static Command Create()
    {
        var commands = new Argument<string[]>("commands") { Description = "Command lines, words separated by spaces; what they print is dropped", HelpName = "command", Arity = ArgumentArity.OneOrMore };
        var runs = new Option<int>("--runs") { Description = "Timed processes of each", DefaultValueFactory = _ => 20, HelpName = "N" };
        var warmup = new Option<int>("--warmup") { Description = "Processes of each before: files then lie in the system's cache", DefaultValueFactory = _ => 2, HelpName = "N" };
        var format = CommonOptions.Format("md|csv|json");
        Option<string?> output = new("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("processes", "Times processes from start to end, one of each in turn, and the ratio of the first to each other.") { commands };
        foreach (Option o in (Option[])[runs, warmup, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            int count = p.GetValue(runs), before = p.GetValue(warmup);
            if (count is < 1 or > 10_000) throw CommandException.Usage($"--runs {count}: expected 1 to 10000");
            if (before is < 0 or > 10_000) throw CommandException.Usage($"--warmup {before}: expected 0 to 10000");
            string[] lines = p.GetRequiredValue(commands);
            var times = Array.ConvertAll(lines, _ => new List<long>());
            for (int i = -before; i < count; i++)
                for (int c = 0; c < lines.Length; c++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    long taken = Time(lines[c]);
                    if (i >= 0) times[c].Add(taken);
                }
            Report(lines, Array.ConvertAll(times, t => new Samples(t))).Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }

    /// <summary>Nanoseconds from the start of a process to its end.</summary>
    private static long Time(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) throw CommandException.Usage("an empty command");
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        long started = Stopwatch.GetTimestamp();
        try
        {
            using var process = Process.Start(start) ?? throw CommandException.Usage($"{words[0]} does not start");
            var error = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            long taken = (long)Stopwatch.GetElapsedTime(started).TotalNanoseconds;
            return process.ExitCode == 0 ? taken : throw new CommandException(ExitCode.RunFailed, $"{line}: exit code {process.ExitCode}: {error.Result}");
        }
        catch (Win32Exception e)
        {
            throw CommandException.Usage($"{words[0]}: {e.Message}");
        }
    }

    private static Report Report(string[] lines, Samples[] times)
    {
        var table = new Table(new("command", "command"), new("runs", "runs"), new("p50 ms", "p50_ms", "0.0"), new("mean ms", "mean_ms", "0.0"), new("sd ms", "sd_ms", "0.0"), new("least ms", "min_ms", "0.0"),
            new("first ÷ this", "ratio", "0.000"), new("95 % interval", "interval"), new("samples", "samples_ns", null, Hide.Markdown | Hide.Csv));
        for (int c = 0; c < lines.Length; c++)
        {
            var t = times[c];
            PairedRatio? ratio = c == 0 ? null : PairedRatio.Of([.. times[0].InOrder.Zip(t.InOrder, (a, b) => (double)a / b)]);
            table.Add(lines[c], t.InOrder.Length, t.Percentile(50) / 1e6, t.Mean / 1e6, t.Deviation / 1e6, t.InOrder.Min() / 1e6, ratio?.Median, ratio is { } r ? FormattableString.Invariant($"{r.Low:0.000}–{r.High:0.000}") : null, t.InOrder);
        }
        var report = new Report();
        Machine.Describe(report);
        return report.Add("processes", "Processes", table);
    }
}
