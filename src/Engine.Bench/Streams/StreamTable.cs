using Engine.Cli;

namespace Engine.Bench;

/// <summary>The columns of <c>engine-bench stream</c>.</summary>
internal static class StreamTable
{
    public static Table Create() => new(
        new("model", "model"), new("window", "window"), new("hop", "hop"), new("threads", "threads"), new("window µs", "window_us", "0.0"), new("hop µs", "hop_us", "0.0"), new("speed-up", "speedup", "0.00"),
        new("of ideal", "of_ideal", "0.00"), new("time × window / hop", "relative", "0.00"), new("ONNX Runtime window µs", "ort_us", "0.0"), new("hop over it", "ort_ratio", "0.00"), new("p50 µs", "p50_us", "0.0"),
        new("p99 µs", "p99_us", "0.0"), new("jitter µs", "jitter_us", "0.0"), new("times real time", "real_time", "0"), new("deadlines missed", "missed"), new("MMAC a window", "window_mmac", "0.###"), new("MMAC a hop", "hop_mmac", "0.####"), new("state bytes", "state_bytes"), new("deviation", "deviation", "0.0e+0"));
}
