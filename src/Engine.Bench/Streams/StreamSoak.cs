using System.Diagnostics;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A long stream: does it allocate, and does it drift from results computed anew?</summary>
internal sealed class StreamSoak
{
    private const int Seed = 23, Points = 100, Settled = 2000;

    private readonly StreamModel _model;
    private readonly Dictionary<long, float[]> _kept = [];
    private readonly float[] _samples;
    private readonly int _elements;
    private bool _ready;

    private StreamSoak(StreamModel model, int elements) => (_model, _elements, _samples) = (model, elements, new float[model.Plan.Hop * elements]);

    public static void Run(Engine.Cli.Table table, string path, StreamOptions options, long hops, double rate, CancellationToken cancellation)
    {
        using var model = StreamModel.Load(path, options);
        using var session = model.CreateSession();
        var soak = new StreamSoak(model, session.SampleElements);
        var random = new Random(Seed);
        long first = model.Plan.Outputs.Max(o => o.FirstHop) + 1;
        while (soak._kept.Count < Math.Min(Points, hops - first)) soak._kept[random.NextInt64(first, hops)] = [];
        long allocated = 0, begin = 0, started = Stopwatch.GetTimestamp();
        var process = Process.GetCurrentProcess();
        for (long h = 0; h < hops; h++)
        {
            if (h == Math.Min(Settled, hops / 2))
            {
                process.Refresh();
                (begin, allocated) = (process.WorkingSet64, GC.GetAllocatedBytesForCurrentThread());
            }
            soak.Push(session, h, cancellation);
        }
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        process.Refresh();
        long end = process.WorkingSet64;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var (same, worst) = options.Feedback.Count > 0 ? soak.ByHand(path, hops) : soak.Anew(cancellation);
        table.Add(Path.GetFileNameWithoutExtension(path), model.Plan.Hop, hops, hops * model.Plan.Hop / rate / 3600, seconds, allocated, begin / 1048576.0, end / 1048576.0, soak._kept.Count, same, worst);
    }

    private void Push(StreamSession session, long hop, CancellationToken cancellation)
    {
        Samples(hop, _samples);
        session.Push(_samples, cancellation);
        while (session.TryRead(out var r))
        {
            if (r.Output != session.Outputs[0]) continue;
            if (!_ready)
            {
                foreach (long h in _kept.Keys.ToList()) _kept[h] = new float[r.Values.Shape.Elements];
                _ready = true;
            }
            if (_kept.TryGetValue(hop, out float[]? values)) r.Values.Span<float>().CopyTo(values);
        }
    }

    // Any part of the signal can be made again.
    private void Samples(long hop, Span<float> to)
    {
        ulong state = (ulong)(hop + 1) * 0x9E3779B97F4A7C15;
        for (int i = 0; i < to.Length; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            to[i] = 0.3f * MathF.Sin(0.05f * (i / _elements)) + ((state >> 40) / (float)(1 << 24) - 0.5f) * 0.4f;
        }
    }

    private (int Same, double Worst) Anew(CancellationToken cancellation)
    {
        int same = 0;
        double worst = 0;
        var plan = _model.Plan;
        long reach = 2 * Math.Max(1, plan.Options.Window / plan.Hop) + plan.Outputs.Max(o => o.FirstHop) + 8;
        using var session = _model.CreateSession();
        foreach (var (hop, expected) in _kept)
        {
            session.Reset();
            float[]? values = null;
            for (long h = Math.Max(0, hop - reach); h <= hop; h++)
            {
                Samples(h, _samples);
                session.Push(_samples, cancellation);
                while (session.TryRead(out var r))
                    if (r.Output == session.Outputs[0] && h == hop) values = r.Values.Span<float>().ToArray();
            }
            Compare(expected, values ?? [], ref same, ref worst);
        }
        return (same, worst);
    }

    private (int Same, double Worst) ByHand(string path, long hops)
    {
        int same = 0;
        double worst = 0;
        var plan = _model.Plan;
        using var whole = Model.Load(path);
        using var session = whole.CreateSession();
        int context = Math.Max(0, plan.Options.Window - plan.Hop);
        var x = Tensor.Allocate(DType.F32, plan.Input.Type.Shape.With(plan.Input.Axis, context + plan.Hop));
        if (x.Shape.Elements != context + plan.Hop) throw new InputException("the soak of a model with fed back states takes samples of one element");
        var named = WholeInputs.Of(whole, plan, x);
        RuntimeValue[] inputs = [.. whole.Inputs.Select(i => named[i.Name])];
        var outputs = new RuntimeValue?[whole.Outputs.Count];
        int[] from = [.. whole.Inputs.Select(i => plan.Options.Feedback.TryGetValue(i.Name, out string? o) ? whole.Outputs.ToList().FindIndex(v => v.Name == o) : -1)];
        int result = whole.Outputs.ToList().FindIndex(v => v.Name == plan.Outputs[0].Name);
        for (long h = 0; h < hops; h++)
        {
            var samples = x.Span<float>();
            samples[plan.Hop..].CopyTo(samples);
            Samples(h, samples[context..]);
            session.Run(inputs, outputs);
            for (int i = 0; i < inputs.Length; i++) if (from[i] >= 0) ((Tensor)outputs[from[i]]!).Bytes.CopyTo(((Tensor)inputs[i]).Bytes);
            if (_kept.TryGetValue(h, out float[]? expected)) Compare(expected, ((Tensor)outputs[result]!).Span<float>(), ref same, ref worst);
        }
        return (same, worst);
    }

    private static void Compare(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, ref int same, ref double worst)
    {
        if (expected.SequenceEqual(actual)) same++;
        if (expected.Length != actual.Length) worst = double.PositiveInfinity;
        else for (int i = 0; i < expected.Length; i++) worst = Math.Max(worst, Math.Abs((double)expected[i] - actual[i]));
    }
}
