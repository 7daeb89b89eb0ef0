using System.CommandLine;
using System.Globalization;
using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>The command line of <c>engine-bench</c>.</summary>
internal sealed class BenchOptions
{
    private readonly Argument<string[]> _models = new("models") { Description = "ONNX models", HelpName = "models", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _backend = CommonOptions.Backend();
    private readonly Option<string> _threads = new("--threads", "-t") { Description = "Thread counts to measure", DefaultValueFactory = _ => "1", HelpName = "1,2" };
    private readonly Option<string?> _batch = new("--batch") { Description = "Values of the inputs' free first dimension to measure", HelpName = "1,8" };
    private readonly Option<string[]> _shapes = new("--shape") { Description = "Shape of an input that leaves dimensions free", HelpName = "NAME:1x3x224x224" };
    private readonly Option<string[]> _inputs = new("--input", "-i") { Description = "An input's value instead of seeded random ones: a .npy, .pb, .wav, .png, .pgm or .ppm file, or a number", HelpName = "NAME=FILE" };
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
    private readonly Option<string?> _baseline = new("--compare") { Description = "JSON of an earlier run; exit code 4 where a case is slower than there beyond the tolerance", HelpName = "baseline.json" };
    private readonly Option<string> _tolerance = new("--tolerance") { Description = "By how much p50 may grow over the baseline's", DefaultValueFactory = _ => "5%", HelpName = "5%" };
    private readonly Option<string?> _trace = new("--trace") { Description = "Write the steps of one run a case for chrome://tracing", HelpName = "out.json" };
    private readonly Option<bool> _finite = new("--check-finite") { Description = "Look for NaN and infinities in what each step writes, before anything is timed; exit code 1 names the first" };
    private readonly Option<string?> _plot = new("--plot") { Description = "Write bars of p50, those of peers included", HelpName = "out.svg" };
    private readonly Option<int> _level = CommonOptions.OptimizationLevel();

    public Option<ReportFormat> Format { get; } = CommonOptions.Format("md|csv|json");

    public Option<string?> Output { get; } = new("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_models);
        foreach (Option o in (Option[])[_backend, _threads, _batch, _shapes, _inputs, _warmup, _runs, _minTime, _layers, _percentiles, _rtol, _atol, _level, _spin, _affinity, _peers, _baseline, _tolerance, _trace, _finite, _plot, Format, Output]) command.Options.Add(o);
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
            p.GetRequiredValue(_models), threads, p.GetValue(_batch) is { } b ? NamedValue.Counts(b, "--batch") : [], NamedValue.Shapes(p.GetValue(_shapes)), NamedValue.Files(p.GetValue(_inputs), "--input"),
            warmup, runs, Time(p.GetRequiredValue(_minTime)), p.GetValue(_layers), [.. percentiles.Append(50).Append(99).Distinct().Order()], p.GetValue(_level), p.GetValue(_rtol), p.GetValue(_atol),
            spin, Processors(p.GetValue(_affinity)), PeerNames.ForModels(p.GetValue(_peers)),
            p.GetValue(_baseline), Share(p.GetRequiredValue(_tolerance)), p.GetValue(_trace), p.GetValue(_finite), p.GetValue(_plot));
    }

    private static double Share(string text)
    {
        bool percent = text.EndsWith('%');
        return double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && v is >= 0 and <= 1000
            ? percent ? v / 100 : v : throw CommandException.Usage($"--tolerance {text}: expected a share as in 5% or 0.05");
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
