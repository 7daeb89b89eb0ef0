using System.Diagnostics;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A model timed in turn with a peer.</summary>
/// <param name="Peer">Name of the peer.</param>
/// <param name="Version">Its version.</param>
/// <param name="Ours">Our runs of this comparison.</param>
/// <param name="Theirs">The peer's runs.</param>
/// <param name="Ratio">Ours over the peer's; below 1 is faster.</param>
internal sealed record PeerComparison(string Peer, string Version, Samples Ours, Samples Theirs, PairedRatio Ratio)
{
    // Long enough for caches and sleeping threads to be as they are in a program that runs one model again and again.
    private const double BlockNanoseconds = 20e6;

    /// <summary>Blocks of runs in turn: ours, the peer's, the peer's, ours, … each after all threads have gone to sleep and some runs that do not count.</summary>
    public static PeerComparison Measure(string peer, string version, Action ours, Action theirs, BenchSettings settings, CancellationToken cancellation)
    {
        int block = (int)Math.Clamp(Math.Ceiling(BlockNanoseconds / Once(theirs)), 5, 100);
        var measured = Interleaved.Measure([ours, theirs], new InterleavedSettings
        {
            Block = block,
            Discarded = 1,
            Settle = TimeSpan.FromMilliseconds(20),
            Between = WaitForQuiet,
            Rounds = Math.Max(Math.Min(20, settings.Runs), (settings.Runs + block - 1) / block),
            MinTime = 2 * settings.MinTime,
            WarmupRuns = Math.Max(1, settings.Warmup),
            Warmup = settings.Warmup == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(0.5),
        }, cancellation: cancellation);
        return new(peer, version, measured.Times(0), measured.Times(1), measured.Ratio(0, 1));
    }

    /// <summary>Waits until no thread runs: idle ones of ONNX Runtime spin for some 30 ms after a run and would hold the processor that a thread of ours is bound to.</summary>
    internal static void WaitForQuiet()
    {
        // Longer than a tick of the system, which is how often it counts the time of a running thread.
        const int Step = 12, Longest = 300;
        for (int waited = 0; waited < Longest; waited += Step)
        {
            var before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(Step);
            if (Environment.CpuUsage.TotalTime - before < TimeSpan.FromMilliseconds(0.1 * Step)) return;
        }
    }

    private static double Once(Action action)
    {
        action();
        long start = Stopwatch.GetTimestamp();
        action();
        return Math.Max(200e3, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
    }
}
