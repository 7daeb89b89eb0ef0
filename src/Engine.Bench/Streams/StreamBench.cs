using System.Diagnostics;
using Engine.Cli;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A model on whole windows and on a stream of the same samples.</summary>
internal sealed class StreamBench : IDisposable
{
    private const int SingleHops = 2000, Seed = 7;

    private readonly string _name;
    private readonly int _threads;
    private readonly Model _whole;
    private readonly Session _windows;
    private readonly StreamModel _model;
    private readonly StreamSession _stream;
    private readonly OnnxRuntimePeer? _peer;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private readonly float[] _signal;
    private int _at;

    public StreamBench(string path, StreamOptions options, int threads, int[] processors, bool peer)
    {
        (_name, _threads) = (Path.GetFileNameWithoutExtension(path), threads);
        _whole = Model.Load(path);
        _model = StreamModel.Load(path, options);
        var session = new SessionOptions { Threads = threads, Affinity = processors };
        _windows = _whole.CreateSession(session);
        _stream = _model.CreateSession(new() { Session = session });
        var plan = _model.Plan;
        var x = Tensor.Allocate(DType.F32, plan.Input.Type.Shape.With(plan.Input.Axis, options.Window));
        _signal = Signal(_stream.SampleElements, options.Window);
        Window(x, plan.Input.Axis);
        var inputs = WholeInputs.Of(_whole, plan, x);
        _inputs = [.. _whole.Inputs.Select(i => inputs[i.Name])];
        _outputs = new RuntimeValue?[_whole.Outputs.Count];
        if (peer) _peer = new OnnxRuntimePeer(path, inputs, threads, processors);
    }

    /// <summary>Adds a row: all timed in turn, then hops one by one.</summary>
    public void Measure(Table table, double rate, TimeSpan time, CancellationToken cancellation)
    {
        var plan = _model.Plan;
        double? deviation = plan.Options.Feedback.Count > 0 ? null : Deviation();
        List<Action> actions = [() => _windows.Run(_inputs, _outputs), Hop];
        if (_peer is not null) actions.Add(_peer.Run);
        var times = Interleaved.Measure(actions, new InterleavedSettings { MinTime = time, Warmup = TimeSpan.FromSeconds(0.7), Discarded = 3 }, cancellation: cancellation);
        double window = times.Median(0), hop = times.Median(1), share = (double)plan.Options.Window / plan.Hop, deadline = plan.Hop / rate * 1e9;
        var single = new long[SingleHops];
        for (int i = 0; i < single.Length; i++)
        {
            long started = Stopwatch.GetTimestamp();
            Hop();
            single[i] = (long)Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        }
        var s = new Samples(single);
        table.Add(_name, plan.Options.Window, plan.Hop, _threads, window / 1e3, hop / 1e3, share > 1 ? (hop - (window - hop) / (share - 1)) / 1e3 : null, window / hop, window / hop / share, hop / window * share, _peer is null ? null : times.Median(2) / 1e3,
            _peer is null ? null : times.Median(2) / hop, s.Percentile(50) / 1e3, s.Percentile(99) / 1e3, (s.Percentile(99) - s.Percentile(50)) / 1e3, deadline / hop, single.Count(n => n > deadline), Operations(_windows), Operations(_stream.Session), _stream.StateBytes, deviation);
    }

    // Millions of multiplications and additions of the session's plan.
    private static double Operations(Session session) => session.Plans[0].Steps.Where(s => s.Node is { Op.Name: not "Delay" }).Sum(s => s.Cost.Operations) / 2e6;

    private void Hop()
    {
        int n = _model.Plan.Hop * _stream.SampleElements;
        _stream.Push(_signal.AsSpan(_at, n));
        _at = _at + 2 * n <= _signal.Length ? _at + n : 0;
        while (_stream.TryRead(out _)) { }
    }

    // None where results follow the signal. How far a stream of one window is from the window: its edges have no past on either side, so that an exact stream differs only by what padding makes different.
    private double? Deviation()
    {
        _windows.Run(_inputs, _outputs);
        var whole = ((Tensor)_outputs[0]!).Span<float>();
        using var session = _model.CreateSession(new() { Session = new() { Threads = 1 } });
        for (int taken = 0; taken < _model.Plan.Options.Window;)
        {
            taken += session.Push(_signal.AsSpan(taken * session.SampleElements, (_model.Plan.Options.Window - taken) * session.SampleElements));
            while (session.TryRead(out var r)) if (Last(r, whole) is { } d) return d;
        }
        while (!session.Finish())
            while (session.TryRead(out var r))
                if (Last(r, whole) is { } d) return d;
        while (session.TryRead(out var r)) if (Last(r, whole) is { } d) return d;
        return null;
    }

    // Root of the mean square of the difference over that of the window's result.
    private static double? Last(StreamResult r, ReadOnlySpan<float> whole)
    {
        if (r.Output.Pulse is not null) return null;
        var values = r.Values.Span<float>();
        double error = 0, norm = 0;
        for (int i = 0; i < whole.Length; i++)
        {
            error += Math.Pow(values[i] - whole[i], 2);
            norm += Math.Pow(whole[i], 2);
        }
        return Math.Sqrt(error / norm);
    }

    private static float[] Signal(int elements, int window)
    {
        var random = new Random(Seed);
        var signal = new float[elements * window];
        for (int i = 0; i < signal.Length; i++) signal[i] = MathF.Sin(0.07f * (i / elements) + i % elements) + 0.2f * (random.NextSingle() - 0.5f);
        return signal;
    }

    private void Window(Tensor x, int axis)
    {
        int outer = (int)x.Shape.Product(0, axis), inner = (int)x.Shape.Product(axis + 1, x.Shape.Rank), n = x.Shape.Int(axis);
        var to = x.Span<float>();
        for (int t = 0; t < n; t++)
            for (int o = 0; o < outer; o++) _signal.AsSpan((t * outer + o) * inner, inner).CopyTo(to[((o * n + t) * inner)..]);
    }

    public void Dispose()
    {
        _peer?.Dispose();
        _stream.Dispose();
        _model.Dispose();
        _windows.Dispose();
        _whole.Dispose();
    }
}
