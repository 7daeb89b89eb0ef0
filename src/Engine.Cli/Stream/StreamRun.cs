using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Runs a stream and hands its results to a printer as they become due.</summary>
internal sealed class StreamRun(StreamModel model, StreamPrinter printer, double delay)
{
    private readonly List<float> _frames = [];
    private readonly HopTimes _times = new();
    private long _samples;

    public void Run(StreamSource source, int threads, CancellationToken cancellation)
    {
        using var session = model.CreateSession(new() { Session = new() { Threads = threads } });
        int elements = session.SampleElements;
        if (source.Channels is { } c && c != elements) throw new InputException($"the signal has {c} channels, a sample of the model has {elements}");
        var chunk = new float[model.Plan.Hop * elements];
        var to = Console.Out;
        printer.Begin(to);
        for (int n; (n = source.Read(chunk, elements)) > 0;)
        {
            if (n % elements != 0) throw new InputException($"the signal ends within a sample of {elements} elements");
            for (int taken = 0; taken < n / elements;)
            {
                cancellation.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                taken += session.Push(chunk.AsSpan(taken * elements, n - taken * elements), cancellation);
                _times.Add(Stopwatch.GetTimestamp() - start);
                Print(to, session, source.Rate);
            }
            _samples += n / elements;
            to.Flush();
        }
        for (bool done = false; !done;)
        {
            done = session.Finish(cancellation);
            Print(to, session, source.Rate);
        }
        printer.End(to);
    }

    /// <summary>How long the hops took beside the signal: in one line.</summary>
    public string Timing(int rate)
    {
        double hop = model.Plan.Hop / (double)rate, signal = _samples / (double)rate, took = _times.Total;
        var (median, most) = _times.Percentiles();
        return string.Create(CultureInfo.InvariantCulture, $"{signal:0.##} s of signal in {took:0.###} s, {(took > 0 ? signal / took : 0):0} times real time with the start; a hop of {1e3 * hop:0.#} ms: median {1e6 * median:0.#} µs, 99 % {1e6 * most:0.#} µs, {(median > 0 ? hop / median : 0):0} times real time");
    }

    private void Print(TextWriter to, StreamSession session, int rate)
    {
        while (session.TryRead(out var r))
        {
            if (r.Values.DType != DType.F32) throw new UnsupportedException($"output '{r.Output.Name}' is {r.Values.DType.Display()}, only f32 is printed");
            int elements = r.FrameElements;
            CollectionsMarshal.SetCount(_frames, r.Frames * elements);
            var values = CollectionsMarshal.AsSpan(_frames);
            r.CopyTo(values);
            double step = r.Output.Pulse?.Time.Step ?? model.Plan.Hop;
            for (int f = 0; f < r.Frames; f++)
            {
                double sample = 1 + (r.Output.Pulse is { } p ? p.Time.Newest + (r.Index + f) * step : r.Sample);
                printer.Add(to, r.Output, r.Index + f, sample / rate - delay, (sample - step) / rate - delay, values.Slice(f * elements, elements));
            }
        }
    }

    /// <summary>Durations of hops: the sum of all, the last ones each by itself.</summary>
    private sealed class HopTimes
    {
        private readonly long[] _last = new long[1 << 14];
        private long _count, _total;

        public double Total => _total / (double)Stopwatch.Frequency;

        public void Add(long ticks)
        {
            _last[_count++ % _last.Length] = ticks;
            _total += ticks;
        }

        /// <summary>Median and 99th percentile in seconds; zeros without hops.</summary>
        public (double Median, double Most) Percentiles()
        {
            if (_count == 0) return default;
            var sorted = _last.AsSpan(0, (int)Math.Min(_count, _last.Length)).ToArray();
            Array.Sort(sorted);
            double At(double share) => sorted[(int)(share * (sorted.Length - 1))] / (double)Stopwatch.Frequency;
            return (At(0.5), At(0.99));
        }
    }
}
