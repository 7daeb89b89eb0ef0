using System.Diagnostics;
using Engine.Compression;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>
/// Latency of parts of a model: predicted as the sum of its steps' medians in a table plus a · steps + b, and measured. What the table lacks is measured where it stands, in a run of
/// the part that has it.
/// </summary>
internal sealed class PartLatency : IDisposable
{
    private const int Warm = 3, LeastRuns = 5, LeastMeasured = 9, Visits = 2, FitSteps = 20, Rounds = 50, Changes = 1000;

    // Relative errors below this count alike in a fit.
    private const double Fine = 0.01;

    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(40), s_measured = TimeSpan.FromMilliseconds(100), s_compiled = TimeSpan.FromSeconds(1);

    private readonly Model _model;
    private readonly LatencyTable _table;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private readonly IReadOnlyDictionary<string, RuntimeValue> _named;
    private readonly Session _profiled, _timed;
    private readonly int _threads;
    private double _perStep, _constant;

    public PartLatency(Model model, IReadOnlyDictionary<string, RuntimeValue> inputs, int threads, LatencyTable table)
    {
        (_model, _named, _table, _threads) = (model, inputs, table, threads);
        _inputs = [.. model.Inputs.Select(i => inputs[i.Name])];
        _outputs = new RuntimeValue?[model.Outputs.Count];
        _profiled = model.CreateSession(new SessionOptions { Threads = threads, Profile = true });
        _timed = model.CreateSession(new SessionOptions { Threads = threads });
    }

    /// <summary>Nanoseconds a step and a run beyond the sum of the medians, as fitted.</summary>
    public (double PerStep, double Constant) Overhead => (_perStep, _constant);

    /// <summary>Predicted nanoseconds.</summary>
    public double Predict(SubNetwork part)
    {
        var (sum, steps) = Sum(part);
        return sum + _perStep * steps + _constant;
    }

    /// <summary>Runs the parts given until the code that they run is compiled to the end: what is measured before would be too long.</summary>
    public void Settle(IReadOnlyList<SubNetwork> parts, CancellationToken cancellation)
    {
        foreach (var session in (Session[])[_profiled, _timed])
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < s_compiled;)
                foreach (var part in parts)
                {
                    session.Use(part);
                    session.Run(_inputs, _outputs, cancellation);
                }
        _profiled.ResetTimings();
    }

    /// <summary>
    /// Finds a and b of least relative errors over measured parts, taken as they are and not squared: a part that another program slowed must not move all predictions. a is 0 where all have as many steps.
    /// </summary>
    public void Fit(IReadOnlyList<(SubNetwork Part, double Measured)> measured)
    {
        var points = measured.Select(m => (Sum(m.Part), m.Measured)).Select(p => (Steps: (double)p.Item1.Steps, Beyond: p.Measured - p.Item1.Sum, p.Measured)).ToList();
        bool one = points.TrueForAll(p => p.Steps == points[0].Steps);
        for (int i = 0; i < FitSteps; i++)
        {
            double[] weight = [.. points.Select(p => 1 / (p.Measured * p.Measured * (i == 0 ? 1 : Math.Max(Fine, Math.Abs(p.Beyond - _perStep * p.Steps - _constant) / p.Measured))))];
            double Mean(Func<(double Steps, double Beyond, double Measured), double> of) => points.Zip(weight, (p, w) => w * of(p)).Sum() / weight.Sum();
            double n = Mean(p => p.Steps), r = Mean(p => p.Beyond);
            _perStep = one ? 0 : Mean(p => (p.Steps - n) * (p.Beyond - r)) / Mean(p => (p.Steps - n) * (p.Steps - n));
            _constant = r - _perStep * n;
        }
    }

    /// <summary>Median nanoseconds of each part, the least of two visits with all other parts between them: what slows one visit has passed by the other.</summary>
    public double[] Measure(IReadOnlyList<SubNetwork> parts, Action step, CancellationToken cancellation)
    {
        var least = new double[parts.Count];
        Array.Fill(least, double.PositiveInfinity);
        for (int visit = 0; visit < Visits; visit++)
            for (int i = 0; i < parts.Count; i++)
            {
                if (visit == 0) step();
                least[i] = Math.Min(least[i], Measure(parts[i], cancellation));
            }
        return least;
    }

    private double Measure(SubNetwork part, CancellationToken cancellation)
    {
        _timed.Use(part);
        for (int i = 0; i < Warm; i++) _timed.Run(_inputs, _outputs, cancellation);
        return QuietWindows.Least(_threads, () =>
        {
            var times = new List<double>();
            for (var watch = Stopwatch.StartNew(); times.Count < LeastMeasured || watch.Elapsed < s_measured;)
            {
                long started = Stopwatch.GetTimestamp();
                _timed.Run(_inputs, _outputs, cancellation);
                times.Add(Stopwatch.GetElapsedTime(started).TotalNanoseconds);
            }
            times.Sort();
            return (times[times.Count / 2], times[times.Count / 2]);
        });
    }

    /// <summary>Nanoseconds of a change between two parts that ran before: median of rounds of many.</summary>
    public double Change(SubNetwork a, SubNetwork b, CancellationToken cancellation)
    {
        foreach (var part in (SubNetwork[])[a, b])
        {
            _timed.Use(part);
            _timed.Run(_inputs, _outputs, cancellation);
        }
        var rounds = new double[Rounds];
        foreach (ref double round in rounds.AsSpan())
        {
            long started = Stopwatch.GetTimestamp();
            for (int i = 0; i < Changes; i += 2)
            {
                _timed.Use(a);
                _timed.Use(b);
            }
            round = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Changes;
        }
        Array.Sort(rounds);
        return rounds[Rounds / 2];
    }

    private (double Sum, int Steps) Sum(SubNetwork part)
    {
        var plan = _model.Plan(_named, part);
        if (plan.EndsAt is { } end) throw new CommandException(ExitCode.InvalidModel, $"the plan ends at {end}: a latency that depends on values cannot be predicted");
        var keys = plan.Steps.Select(s => StepLatency.Key(s, _threads)).ToList();
        if (keys.Exists(k => _table.Find(k) is null)) Profile(part);
        return (keys.Sum(k => (double)(_table.Find(k) ?? 0)), keys.Count);
    }

    private void Profile(SubNetwork part)
    {
        _profiled.Use(part);
        for (int i = 0; i < Warm; i++) _profiled.Run(_inputs, _outputs);
        // A step's own quietest window counts: one of many steps seldom runs undisturbed to the end.
        var least = new Dictionary<LatencyKey, (long Median, long Tail, string Stem)>();
        QuietWindows.Least(_threads, () =>
        {
            _profiled.ResetTimings();
            int runs = 0;
            for (var watch = Stopwatch.StartNew(); runs < LeastRuns || watch.Elapsed < s_turn; runs++) _profiled.Run(_inputs, _outputs);
            double sum = 0;
            foreach (var same in _profiled.Timings.GroupBy(t => StepLatency.Key(t.Step, _threads)))
            {
                long[] times = [.. same.SelectMany(t => t.Nanoseconds).Order()];
                long median = times[times.Length / 2];
                sum += same.Count() * (double)median;
                if (!least.TryGetValue(same.Key, out var known) || median < known.Median) least[same.Key] = (median, times[times.Length * 95 / 100], same.First().Step.Stem);
            }
            return (sum, sum);
        });
        foreach (var (key, (median, tail, stem)) in least)
            if (_table.Find(key) is null) _table.Set(key, median, stem, tail);
    }

    public void Dispose()
    {
        _profiled.Dispose();
        _timed.Dispose();
    }
}
