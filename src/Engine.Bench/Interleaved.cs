namespace Engine.Bench;

/// <summary>How actions are timed in turn.</summary>
internal sealed record InterleavedSettings
{
    /// <summary>Fewest rounds; in each, every action is timed once.</summary>
    public int Rounds { get; init; } = 30;

    /// <summary>Shortest time that all rounds take together.</summary>
    public TimeSpan MinTime { get; init; }

    /// <summary>Most rounds, however short they are.</summary>
    public int MaxRounds { get; init; } = 100_000;

    /// <summary>A sample repeats an action until it lasts this long; 0 calls it once.</summary>
    public TimeSpan MinSample { get; init; } = TimeSpan.FromMicroseconds(200);

    /// <summary>Samples of an action in a row before the next action has its turn.</summary>
    public int Block { get; init; } = 1;

    /// <summary>Calls before the samples of a block that are not counted: caches, clocks and sleeping threads settle.</summary>
    public int Discarded { get; init; }

    /// <summary>Shortest time that these calls take.</summary>
    public TimeSpan Settle { get; init; }

    /// <summary>Called before each block, as to let threads of the action before fall asleep.</summary>
    public Action? Between { get; init; }

    /// <summary>Fewest calls of every action before anything is timed.</summary>
    public int WarmupRuns { get; init; } = 3;

    /// <summary>Shortest time that these calls take.</summary>
    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(0.1);
}

/// <summary>
/// Durations of two or more actions that were timed in turn: A B, B A, A B, … What drifts on the machine (frequency, other programs)
/// meets all of them alike, so that ratios hold where times alone would not.
/// </summary>
internal sealed class Interleaved
{
    private readonly double[][][] _samples;

    /// <summary>Takes samples in nanoseconds a call: an array an action, in it an array a round, in it the samples of that round's block.</summary>
    public Interleaved(double[][][] samples)
    {
        if (samples.Length == 0 || Array.Exists(samples, s => s.Length != samples[0].Length || s.Length == 0 || Array.Exists(s, b => b.Length == 0))) throw new ArgumentException("every action needs a sample in every round", nameof(samples));
        _samples = samples;
    }

    /// <summary>Number of rounds.</summary>
    public int Rounds => _samples[0].Length;

    /// <summary>All samples of an action in the order of measurement, in nanoseconds a call.</summary>
    public Samples Times(int action) => new([.. _samples[action].SelectMany(b => b).Select(x => (long)Math.Round(x))]);

    /// <summary>Median nanoseconds a call.</summary>
    public double Median(int action) => PairedRatio.MedianOf([.. _samples[action].SelectMany(b => b)]);

    /// <summary>Time of <paramref name="action"/> over that of <paramref name="other"/>, paired by rounds; below 1 the action is the faster one.</summary>
    public PairedRatio Ratio(int action, int other)
    {
        var ratios = new double[Rounds];
        for (int r = 0; r < ratios.Length; r++) ratios[r] = PairedRatio.MedianOf(_samples[action][r]) / PairedRatio.MedianOf(_samples[other][r]);
        return PairedRatio.Of(ratios);
    }

    /// <summary>Warms every action up, then times them in turn. <paramref name="clock"/> is the system's where null.</summary>
    public static Interleaved Measure(IReadOnlyList<Action> actions, InterleavedSettings? settings = null, TimeProvider? clock = null, CancellationToken cancellation = default)
    {
        settings ??= new();
        clock ??= TimeProvider.System;
        int[] calls = new int[actions.Count];
        for (int a = 0; a < calls.Length; a++)
        {
            settings.Between?.Invoke();
            Uncounted(actions[a], settings.WarmupRuns, settings.Warmup, clock, cancellation);
            calls[a] = CallsForSample(actions[a], settings, clock);
        }
        var samples = actions.Select(_ => new List<double[]>()).ToArray();
        long started = clock.GetTimestamp();
        for (int round = 0; round < settings.Rounds || clock.GetElapsedTime(started) < settings.MinTime && round < settings.MaxRounds; round++)
            for (int i = 0; i < actions.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                int a = round % 2 == 0 ? i : actions.Count - 1 - i;
                settings.Between?.Invoke();
                Uncounted(actions[a], settings.Discarded, settings.Settle, clock, cancellation);
                samples[a].Add(Block(actions[a], calls[a], settings.Block, clock));
            }
        return new([.. samples.Select(s => s.ToArray())]);
    }

    private static double[] Block(Action action, int calls, int samples, TimeProvider clock)
    {
        var block = new double[Math.Max(1, samples)];
        for (int i = 0; i < block.Length; i++) block[i] = Time(action, calls, clock) / calls;
        return block;
    }

    private static void Uncounted(Action action, int runs, TimeSpan time, TimeProvider clock, CancellationToken cancellation)
    {
        long started = clock.GetTimestamp();
        for (int i = 0; i < runs || clock.GetElapsedTime(started) < time; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            action();
        }
    }

    private static int CallsForSample(Action action, InterleavedSettings settings, TimeProvider clock)
    {
        double wanted = settings.MinSample.TotalNanoseconds;
        for (int calls = 1; ; calls *= 2)
            if (Time(action, calls, clock) >= wanted || calls >= 1 << 24) return calls;
    }

    /// <summary>Nanoseconds that <paramref name="calls"/> calls take.</summary>
    private static double Time(Action action, int calls, TimeProvider clock)
    {
        long start = clock.GetTimestamp();
        for (int i = 0; i < calls; i++) action();
        return (clock.GetTimestamp() - start) * (1e9 / clock.TimestampFrequency);
    }
}
