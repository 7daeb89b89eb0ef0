using Engine.Bench;

namespace Engine.Tests.Bench;

/// <summary>Timing in turn, on a clock that moves only as the actions say.</summary>
public sealed class InterleavedTests
{
    private sealed class HandClock : TimeProvider
    {
        private long _nanoseconds;

        public override long TimestampFrequency => 1_000_000_000;

        public override long GetTimestamp() => _nanoseconds;

        public void Pass(double nanoseconds) => _nanoseconds += (long)nanoseconds;
    }

    private static readonly InterleavedSettings s_short = new() { Rounds = 3, WarmupRuns = 1, Warmup = TimeSpan.Zero, MinSample = TimeSpan.Zero };

    [Fact]
    public void Actions_take_turns_that_change_ends()
    {
        var clock = new HandClock();
        string order = "";
        Interleaved.Measure([() => order += "a", () => order += "b", () => order += "c"], s_short, clock);
        // One call to warm up and one to see how long it lasts, then the rounds.
        Assert.Equal("aabbcc" + "abc" + "cba" + "abc", order);
    }

    [Fact]
    public void Short_actions_are_repeated_until_a_sample_is_long_enough()
    {
        var clock = new HandClock();
        int fast = 0, slow = 0;
        var r = Interleaved.Measure([() => { fast++; clock.Pass(1000); }, () => { slow++; clock.Pass(500_000); }], s_short with { MinSample = TimeSpan.FromMicroseconds(200) }, clock);
        Assert.Equal(3 * 256 + 1 + (1 + 2 + 4 + 8 + 16 + 32 + 64 + 128 + 256), fast);
        Assert.Equal(3 + 1 + 1, slow);
        Assert.Equal((1000, 500_000), (r.Median(0), r.Median(1)));
        Assert.Equal([1000, 1000, 1000], r.Times(0).InOrder);
    }

    [Fact]
    public void Warm_up_and_rounds_last_as_long_as_asked()
    {
        var clock = new HandClock();
        int calls = 0;
        var r = Interleaved.Measure([() => { calls++; clock.Pass(1e6); }], s_short with { Warmup = TimeSpan.FromMilliseconds(20), MinTime = TimeSpan.FromMilliseconds(50) }, clock);
        Assert.Equal(20 + 1 + 50, calls);
        Assert.Equal(50, r.Rounds);
    }

    [Fact]
    public void A_block_begins_with_a_pause_and_calls_that_do_not_count()
    {
        var clock = new HandClock();
        int pauses = 0, first = 0;
        var r = Interleaved.Measure(
            [() => clock.Pass(first-- > 0 ? 9000 : 100), () => clock.Pass(200)],
            s_short with { Block = 4, Discarded = 2, Between = () => { pauses++; first = 2; } }, clock);
        Assert.Equal(2 + 3 * 2, pauses);
        Assert.Equal(Enumerable.Repeat(100L, 12), r.Times(0).InOrder);
        Assert.Equal(new PairedRatio(0.5, 0.5, 0.5), r.Ratio(0, 1));
    }

    [Fact]
    public void A_block_begins_with_calls_that_take_a_given_time()
    {
        var clock = new HandClock();
        int calls = 0;
        Interleaved.Measure([() => { calls++; clock.Pass(1e6); }], s_short with { Settle = TimeSpan.FromMilliseconds(4), Block = 2 }, clock);
        Assert.Equal(2 + 3 * (4 + 2), calls);
    }

    [Fact]
    public void Ratios_are_paired_so_that_drift_cancels()
    {
        var clock = new HandClock();
        double speed = 1;
        var r = Interleaved.Measure([() => clock.Pass(3000 * speed), () => { clock.Pass(4000 * speed); }], s_short with { Rounds = 40, Between = () => speed *= 1.01 }, clock);
        var ratio = r.Ratio(0, 1);
        Assert.InRange(ratio.Median, 0.74, 0.76);
        Assert.InRange(ratio.Low, 0.735, ratio.Median);
        Assert.InRange(ratio.High, ratio.Median, 0.765);
        Assert.True(r.Times(0).Variation > 0.1);
    }

    [Fact]
    public void Cancellation_ends_the_measurement()
    {
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Interleaved.Measure([stop.Cancel], s_short, new HandClock(), stop.Token));
    }

    [Fact]
    public void Every_action_needs_samples()
    {
        Assert.Throws<ArgumentException>(() => new Interleaved([]));
        Assert.Throws<ArgumentException>(() => new Interleaved([[[1]], [[1], [2]]]));
        Assert.Throws<ArgumentException>(() => new Interleaved([[[]]]));
    }
}
