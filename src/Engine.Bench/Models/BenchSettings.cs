using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What is measured, and how long.</summary>
internal sealed record BenchSettings(
    string[] Models, int[] Threads, int[] Batches, IReadOnlyDictionary<string, Shape> Shapes, IReadOnlyList<(string? Name, string File)> Inputs, int Warmup, int Runs, TimeSpan MinTime,
    bool Layers, double[] Percentiles, int OptimizationLevel, double Rtol, double Atol, int SpinMicroseconds, int[] Affinity, string[] Peers,
    string? Baseline, double Tolerance, string? Trace, bool CheckFinite, string? Plot)
{
    /// <summary>Processors that a run's threads are bound to: as asked for, and beside a peer the first ones; empty for none.</summary>
    public int[] Processors(int threads) => Affinity.Length > 0 || Peers.Length == 0 ? Affinity : PinnedThread.Processors(threads);
}
