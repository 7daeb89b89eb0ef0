using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// A network of windows [1, channels, window] over a signal of doubles, in f32 or f64: its first output by the sample that each window ends before.
/// </summary>
/// <param name="make">The network with so many samples before each window, whose frames are dropped before what sees the window as a whole.</param>
/// <param name="window">Samples of a window.</param>
/// <param name="type">F32 or F64, of signal, weights and sums.</param>
internal sealed class WindowResults(Func<int, ModelGraph> make, int window, DType type)
{
    /// <summary>Every window by itself, with padding at its ends, or at the begin of the samples before it.</summary>
    public Dictionary<long, double[]> ByThemselves(double[] signal, int channels, int hop, int past = 0)
    {
        using var model = Model.Create(Definition(past));
        using var session = model.CreateSession(new() { Threads = 1 });
        var x = Tensor.Allocate(type, new Shape(1, channels, past + window));
        var results = new Dictionary<long, double[]>();
        for (long end = hop; end * channels <= signal.Length; end += hop)
        {
            long from = end - window - past;
            if (from < 0) continue;
            for (int c = 0; c < channels; c++)
                for (int t = 0; t < past + window; t++) Set(x, c * (past + window) + t, signal[(from + t) * channels + c]);
            results[end] = Doubles((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x })["y"]);
        }
        return results;
    }

    /// <summary>The same windows on a stream of the signal from sample <paramref name="first"/> on.</summary>
    public Dictionary<long, double[]> Streamed(double[] signal, int channels, StreamOptions options, int first = 0)
    {
        using var model = StreamModel.Create(Definition(0), options with { Axis = 2, Window = window });
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var samples = Samples(signal.AsSpan(first * channels));
        var results = new Dictionary<long, double[]>();
        int count = (signal.Length / channels) - first, every = model.Plan.Every;
        for (int at = 0; at < count;)
        {
            int n = Math.Min(every, count - at);
            at += type == DType.F32 ? session.Push<float>(samples.Span<float>().Slice(at * channels, n * channels)) : session.Push<double>(samples.Span<double>().Slice(at * channels, n * channels));
            Read(session, results, first, every);
        }
        while (!session.Finish()) Read(session, results, first, every);
        Read(session, results, first, every);
        return results;
    }

    /// <summary>Exact results of windows that end with every <paramref name="hop"/> samples, whatever strides are: as many streams as there are places of a window between their frames.</summary>
    public Dictionary<long, double[]> Exact(double[] signal, int channels, int hop)
    {
        int advance;
        using (var model = StreamModel.Create(Definition(0), new() { Axis = 2, Window = window })) advance = model.Plan.Hop;
        var results = new Dictionary<long, double[]>();
        foreach (int first in Enumerable.Range(1, advance).Select(n => (int)((long)n * hop % advance)).Distinct().Order())
            foreach (var (end, values) in Streamed(signal, channels, new() { Hop = advance }, first))
                if (end % hop == 0) results[end] = values;
        return results;
    }

    /// <summary>Samples by which a misaligned stream of such hops may be off.</summary>
    public long Shift(int hop)
    {
        using var model = StreamModel.Create(Definition(0), new() { Axis = 2, Window = window, Hop = hop, Misaligned = true });
        return model.Plan.MostShift;
    }

    private void Read(StreamSession session, Dictionary<long, double[]> results, int first, int every)
    {
        while (session.TryRead(out var r))
        {
            if (r.Output != session.Outputs[0]) continue;
            if (r.Output.Pulse is not { } p)
            {
                results[first + (r.Index + 1) * every] = Doubles(r.Values);
                continue;
            }
            // A frame is that of the window that begins with it, and that of the hop that ends before the next frame's window does.
            double[] values = Frames(r);
            for (int f = 0; f < r.Frames; f++)
            {
                long end = first + (long)((r.Index + f) * p.Time.Step) + window, hop = Checked.CeilDiv(end, every) * every;
                if (hop < end + p.Time.Step) results[every % p.Time.Step == 0 ? end : hop] = values[(f * r.FrameElements)..((f + 1) * r.FrameElements)];
            }
        }
    }

    private double[] Frames(StreamResult r)
    {
        var copy = Tensor.Allocate(type, new Shape(r.Frames * r.FrameElements));
        if (type == DType.F32) r.CopyTo(copy.Span<float>());
        else r.CopyTo(copy.Span<double>());
        return Doubles(copy);
    }

    private ModelDefinition Definition(int past)
    {
        var graph = make(past);
        if (type == DType.F64)
        {
            foreach (var v in graph.Constants.Where(v => v.Constant!.DType == DType.F32).ToList()) v.Constant = new Dense(Wide(v.ConstantTensor!));
            foreach (var v in graph.Inputs.Concat(graph.Outputs)) if (v.Declared is DeclaredType.Tensor t) v.Declared = t with { DType = DType.F64 };
        }
        return new(graph);
    }

    private static Tensor Wide(Tensor t) => Tensor.From(t.Shape, Doubles(t));

    private Tensor Samples(ReadOnlySpan<double> signal)
    {
        var t = Tensor.Allocate(type, new Shape(signal.Length));
        for (int i = 0; i < signal.Length; i++) Set(t, i, signal[i]);
        return t;
    }

    private void Set(Tensor t, long i, double v)
    {
        if (type == DType.F32) t.Span<float>()[(int)i] = (float)v;
        else t.Span<double>()[(int)i] = v;
    }

    private static double[] Doubles(Tensor t) => t.DType == DType.F64 ? t.Span<double>().ToArray() : [.. t.Span<float>().ToArray().Select(v => (double)v)];
}
