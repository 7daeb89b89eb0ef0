using System.Diagnostics;
using Engine.Compression;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Latency of a whole float model, kept in the table beside those of its layers.</summary>
internal static class ModelTiming
{
    private const int Runs = 15;

    public static LatencyKey Key(string sha256, IReadOnlyDictionary<string, RuntimeValue> inputs, int threads) =>
        new("Model", $"{sha256} {string.Join(' ', inputs.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}:{p.Value}"))}", "float", threads);

    public static void Fill(LatencyTable table, LatencyKey key, EngineModel model, IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation)
    {
        if (table.Find(key) is not null) return;
        model.Run(inputs, cancellation);
        var times = new long[Runs];
        for (int i = 0; i < Runs; i++)
        {
            long started = Stopwatch.GetTimestamp();
            model.Run(inputs, cancellation);
            times[i] = (long)Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        }
        Array.Sort(times);
        table.Set(key, times[Runs / 2], "plan");
    }
}
