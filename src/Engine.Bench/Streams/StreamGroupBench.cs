using System.Diagnostics;
using Engine.Streaming;

namespace Engine.Bench;

/// <summary>Steps of many streams of one model.</summary>
internal static class StreamGroupBench
{
    private const int Seed = 7, WarmupSteps = 20, FewestSteps = 50;

    public static void Measure(Engine.Cli.Table table, string path, StreamOptions options, int[] counts, int width, int threads, int[] processors, double rate, TimeSpan time, CancellationToken cancellation)
    {
        using var model = StreamModel.Load(path, options);
        foreach (int count in counts)
        {
            using var group = model.CreateGroup(new() { Width = width, Session = new() { Threads = threads, Affinity = processors } });
            StreamSlot[] slots = [.. Enumerable.Range(0, count).Select(_ => group.Add())];
            int n = model.Plan.Hop * slots[0].SampleElements;
            // Streams are at different places of one signal.
            float[] signal = Signal(n * 64);
            double deadline = model.Plan.Hop / rate * 1e9;
            int hop = 0;
            void Step()
            {
                for (int i = 0; i < slots.Length; i++) slots[i].Push(signal.AsSpan((hop + i) % 64 * n, n));
                group.Step(cancellation);
                foreach (var s in slots) while (s.TryRead(out _)) { }
                hop++;
            }
            for (int i = 0; i < WarmupSteps; i++) Step();
            var times = new List<long>(1 << 16);
            long allocated = GC.GetTotalAllocatedBytes(true), started = Stopwatch.GetTimestamp();
            while (times.Count < FewestSteps || Stopwatch.GetElapsedTime(started) < time && times.Count < times.Capacity)
            {
                long begin = Stopwatch.GetTimestamp();
                Step();
                times.Add((long)Stopwatch.GetElapsedTime(begin).TotalNanoseconds);
            }
            allocated = GC.GetTotalAllocatedBytes(true) - allocated;
            var t = new Samples(times);
            var f = slots[0].Footprint;
            table.Add(Path.GetFileNameWithoutExtension(path), model.Plan.Hop, count, group.Width, group.HasSameBits, group.NotBatched, threads, t.Percentile(50) / 1e6, t.Percentile(99) / 1e6, t.Percentile(50) / 1e3 / count, deadline / t.Percentile(50), times.Count, times.Count(x => x > deadline),
                (double)allocated / times.Count, f.States, f.Samples, f.Results, f.Shared, f.Total);
        }
    }

    private static float[] Signal(int elements)
    {
        var random = new Random(Seed);
        float[] signal = new float[elements];
        for (int i = 0; i < signal.Length; i++) signal[i] = 0.3f * MathF.Sin(0.07f * i) + 0.2f * (random.NextSingle() - 0.5f);
        return signal;
    }
}
