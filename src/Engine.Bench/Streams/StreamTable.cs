using Engine.Cli;

namespace Engine.Bench;

/// <summary>The columns of <c>engine-bench stream</c>.</summary>
internal static class StreamTable
{
    public const string Note = "'of ideal' is the speed-up over a whole window as a part of window / hop; 'time × window / hop' the reverse, 1 where a hop costs no more than its share. 'fixed' is what of a hop does not shrink with its samples, where a window takes it once too. Percentiles are of single hops; jitter is p99 − p50; a deadline is missed by a hop that takes longer than its samples.";
    public const string GroupNote = "A step runs a hop of every stream: samples are pushed, the step runs, results are read. A deadline is missed by a step that takes longer than the samples of a hop last. Bytes are of one stream; shared ones are its part of arenas and batches.";
    public const string SoakNote = "Allocated bytes and growth of the working set are of all hops but the first 2,000. A hop is computed anew by a stream that begins two windows earlier, or, where a model's outputs are fed back, by the model itself, frame by frame from the first sample on.";

    public static Table Groups() => new(
        new("model", "model"), new("hop", "hop"), new("streams", "streams"), new("batch", "batch"), new("same bits", "same_bits"), new("not batched because", "not_batched"), new("threads", "threads"), new("step p50 ms", "p50_ms", "0.00"), new("p99 ms", "p99_ms", "0.00"), new("µs a stream", "stream_us", "0.00"),
        new("times real time", "real_time", "0.0"), new("steps", "steps"), new("deadlines missed", "missed"), new("bytes allocated a step", "allocated", "0"), new("states", "state_bytes"), new("samples", "sample_bytes"), new("results", "result_bytes"), new("shared", "shared_bytes"), new("bytes a stream", "total_bytes"));

    public static Table Soaks() => new(
        new("model", "model"), new("hop", "hop"), new("hops", "hops"), new("hours of signal", "hours", "0.0"), new("seconds", "seconds", "0.0"), new("bytes allocated", "allocated"), new("working set MiB, begin", "begin_mib", "0.0"), new("end", "end_mib", "0.0"),
        new("hops compared", "compared"), new("same bits", "same"), new("largest difference", "difference", "0.0e+0"));

    public static Table Create() => new(
        new("model", "model"), new("window", "window"), new("hop", "hop"), new("threads", "threads"), new("window µs", "window_us", "0.0"), new("hop µs", "hop_us", "0.0"), new("fixed µs", "fixed_us", "0.0"), new("speed-up", "speedup", "0.00"),
        new("of ideal", "of_ideal", "0.00"), new("time × window / hop", "relative", "0.00"), new("ONNX Runtime window µs", "ort_us", "0.0"), new("hop over it", "ort_ratio", "0.00"), new("p50 µs", "p50_us", "0.0"),
        new("p99 µs", "p99_us", "0.0"), new("jitter µs", "jitter_us", "0.0"), new("times real time", "real_time", "0"), new("deadlines missed", "missed"), new("MMAC a window", "window_mmac", "0.###"), new("MMAC a hop", "hop_mmac", "0.####"), new("state bytes", "state_bytes"), new("deviation", "deviation", "0.0e+0"));
}
