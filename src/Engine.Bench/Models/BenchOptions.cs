using System.CommandLine;
using System.Globalization;
using Engine.Cli;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What is measured, and how long.</summary>
internal sealed record BenchSettings(
    string[] Models, int[] Threads, int[] Batches, IReadOnlyDictionary<string, Shape> Shapes, int Warmup, int Runs, TimeSpan MinTime,
    bool Layers, double[] Percentiles, int OptimizationLevel, double Rtol, double Atol, int SpinMicroseconds, int[] Affinity, string[] Peers)
{
    /// <summary>Processors that a run's threads are bound to: as asked for, and beside a peer the first ones; empty for none.</summary>
    public int[] Processors(int threads) => Affinity.Length > 0 || Peers.Length == 0 ? Affinity : PinnedThread.Processors(threads);
}

/// <summary>The command line of <c>engine-bench</c>.</summary>
internal sealed class BenchOptions
{
    private readonly Argument<string[]> _models = new("models") { Description = "ONNX models", HelpName = "models", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _backend = CommonOptions.Backend();
    private readonly Option<string> _threads = new("--threads", "-t") { Description = "Thread counts to measure", DefaultValueFactory = _ => "1", HelpName = "1,2" };
    private readonly Option<string?> _batch = new("--batch") { Description = "Values of the inputs' free first dimension to measure", HelpName = "1,8" };
    private readonly Option<string[]> _shapes = new("--shape") { Description = "Shape of an input that leaves dimensions free", HelpName = "NAME:1x3x224x224" };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Fewest runs before the clock starts; they also last half a second, unless 0", DefaultValueFactory = _ => 10, HelpName = "N" };
    private readonly Option<int> _runs = new("--runs") { Description = "Fewest timed runs", DefaultValueFactory = _ => 100, HelpName = "N" };
    private readonly Option<string> _minTime = new("--min-time") { Description = "Shortest time to measure: 2s, 500ms", DefaultValueFactory = _ => "0s", HelpName = "time" };
    private readonly Option<bool> _layers = new("--layers") { Description = "Also a table of the steps of each model" };
    private readonly Option<string> _percentiles = new("--percentiles") { Description = "Percentiles to show; 50 and 99 always are", DefaultValueFactory = _ => "50,99", HelpName = "50,90,99" };
    private readonly Option<double> _rtol = new("--rtol") { Description = "Tolerance against the reference, relative to the largest value of an output; checked before anything is timed", DefaultValueFactory = _ => 1e-3 };
    private readonly Option<double> _atol = new("--atol") { Description = "Absolute tolerance against the reference", DefaultValueFactory = _ => 1e-4 };
    private readonly Option<int> _spin = new("--spin-us") { Description = "How long an idle thread spins before it sleeps, in microseconds", DefaultValueFactory = _ => 20, HelpName = "N" };
    private readonly Option<string?> _affinity = new("--affinity") { Description = "Processors to bind threads to, the first for the caller; default: none, and beside a peer the first ones", HelpName = "0,1" };
    private readonly Option<string?> _peers = new("--peer") { Description = "Also run the models in another engine, in turn with ours: onnxruntime", HelpName = "name" };
    private readonly Option<int> _level = CommonOptions.OptimizationLevel();

    public Option<ReportFormat> Format { get; } = CommonOptions.Format("md|csv|json");

    public Option<string?> Output { get; } = new("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_models);
        foreach (Option o in (Option[])[_backend, _threads, _batch, _shapes, _warmup, _runs, _minTime, _layers, _percentiles, _rtol, _atol, _level, _spin, _affinity, _peers, Format, Output]) command.Options.Add(o);
    }

    public BenchSettings Read(ParseResult p)
    {
        int warmup = p.GetValue(_warmup), runs = p.GetValue(_runs);
        if (warmup < 0) throw CommandException.Usage($"--warmup {warmup}: expected 0 or more");
        if (runs is < 1 or > 100_000_000) throw CommandException.Usage($"--runs {runs}: expected 1 to 100000000");
        var percentiles = NamedValue.Numbers(p.GetValue(_percentiles), "--percentiles");
        if (Array.Exists(percentiles, x => x is <= 0 or >= 100)) throw CommandException.Usage("--percentiles: expected values between 0 and 100");
        var threads = NamedValue.Counts(p.GetRequiredValue(_threads), "--threads");
        if (threads.Max() > 1024) throw CommandException.Usage("--threads: more than 1024");
        int spin = p.GetValue(_spin);
        if (spin is < 0 or > 1_000_000) throw CommandException.Usage($"--spin-us {spin}: expected 0 to 1000000");
        return new(
            p.GetRequiredValue(_models), threads, p.GetValue(_batch) is { } b ? NamedValue.Counts(b, "--batch") : [], NamedValue.Shapes(p.GetValue(_shapes)),
            warmup, runs, Time(p.GetRequiredValue(_minTime)), p.GetValue(_layers), [.. percentiles.Append(50).Append(99).Distinct().Order()], p.GetValue(_level), p.GetValue(_rtol), p.GetValue(_atol),
            spin, Processors(p.GetValue(_affinity)), PeerNames.ForModels(p.GetValue(_peers)));
    }

    private static int[] Processors(string? text)
    {
        if (text is null) return [];
        int[] given = Array.ConvertAll(text.Split(','), s => int.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out int v) ? v : throw CommandException.Usage($"--affinity {text}: '{s}' is no processor"));
        int[] allowed = ThreadAffinity.Allowed();
        foreach (int p in given)
            if (!allowed.Contains(p)) throw CommandException.Usage($"--affinity {text}: this process may run on {string.Join(',', allowed)}");
        return given;
    }

    private static TimeSpan Time(string text)
    {
        (string number, double unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1e-3) : text.EndsWith('s') ? (text[..^1], 1) : (text, 1.0);
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && v is >= 0 and <= 86400 ? TimeSpan.FromSeconds(v * unit) : throw CommandException.Usage($"--min-time {text}: expected a time as in 2s or 500ms");
    }
}
