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
    private const int Warm = 3, LeastRuns = 5, LeastMeasured = 9, Rounds = 50, Changes = 1000, MostWindows = 6;

    // Two windows agree when their medians are as close.
    private const double Close = 1.04;
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

    /// <summary>Finds a and b by least squares of relative errors over measured parts; a is 0 where all have as many steps.</summary>
    public void Fit(IReadOnlyList<(SubNetwork Part, double Measured)> measured)
    {
        var points = measured.Select(m => (Sum(m.Part), m.Measured)).Select(p => (Steps: (double)p.Item1.Steps, Beyond: p.Measured - p.Item1.Sum, Weight: 1 / (p.Measured * p.Measured))).ToList();
        double all = points.Sum(p => p.Weight), n = points.Sum(p => p.Weight * p.Steps) / all, r = points.Sum(p => p.Weight * p.Beyond) / all;
        double spread = points.Sum(p => p.Weight * (p.Steps - n) * (p.Steps - n));
        _perStep = points.TrueForAll(p => p.Steps == points[0].Steps) ? 0 : points.Sum(p => p.Weight * (p.Steps - n) * (p.Beyond - r)) / spread;
        _constant = r - _perStep * n;
    }

    /// <summary>Median nanoseconds of runs in a row.</summary>
    public double Measure(SubNetwork part, CancellationToken cancellation)
    {
        _timed.Use(part);
        for (int i = 0; i < Warm; i++) _timed.Run(_inputs, _outputs, cancellation);
        return Quietest(() =>
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

    /// <summary>
    /// What the fastest window gives, once two agree: a program that takes a processor slows all runs of a window, and with as many threads as processors it takes one of ours. A step is measured once for
    /// all parts that have it.
    /// </summary>
    private static T Quietest<T>(Func<(double Nanoseconds, T Value)> window)
    {
        var seen = new List<(double Nanoseconds, T Value)>();
        do
        {
            seen.Add(window());
            seen.Sort((a, b) => a.Nanoseconds.CompareTo(b.Nanoseconds));
        }
        while (seen.Count < 2 || seen.Count < MostWindows && seen[1].Nanoseconds > Close * seen[0].Nanoseconds);
        return seen[0].Value;
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
        var steps = Quietest(() =>
        {
            _profiled.ResetTimings();
            int runs = 0;
            for (var watch = Stopwatch.StartNew(); runs < LeastRuns || watch.Elapsed < s_turn; runs++) _profiled.Run(_inputs, _outputs);
            var all = _profiled.Timings.GroupBy(t => StepLatency.Key(t.Step, _threads)).Select(same => (same.Key, same.First().Step.Stem, Count: same.Count(), Times: same.SelectMany(t => t.Nanoseconds).Order().ToArray())).ToList();
            return (all.Sum(s => (double)s.Count * s.Times[s.Times.Length / 2]), all);
        });
        foreach (var (key, stem, _, times) in steps)
            if (_table.Find(key) is null) _table.Set(key, times[times.Length / 2], stem, times[times.Length * 95 / 100]);
    }

    public void Dispose()
    {
        _profiled.Dispose();
        _timed.Dispose();
    }
}
