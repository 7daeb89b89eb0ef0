using System.Runtime.InteropServices;
using Engine.Graph;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>The model of a hop of several streams, checked against streams by themselves.</summary>
internal sealed class WideHop : IDisposable
{
    private const int Seed = 11, MoreHops = 4, MostHops = 64;
    private const double Tolerance = 1e-5;

    private readonly WidePlan _wide;
    private readonly Model _model;
    private readonly StreamPlan _lone;

    /// <summary>Throws <see cref="UnsupportedException"/> with the reason where streams cannot run as one batch of this model.</summary>
    public WideHop(Model hop, StreamPlan lone, ModelDefinition whole, int width)
    {
        _lone = lone;
        // States that are inputs of the model share their wires with the hop of one stream.
        var declared = whole.Graph.Inputs.Select(v => v.Declared).ToList();
        try
        {
            _wide = WidePlan.Of(whole.Graph, lone, width, new NodeEvaluator(hop.Options.Kernels));
            _model = Model.Create(new ModelDefinition(_wide.Plan.Graph) { Source = whole.Source, Metadata = whole.Metadata, Opsets = whole.Opsets, Packed = whole.Packed, IsRewritten = true }, hop.Options);
        }
        finally
        {
            for (int i = 0; i < declared.Count; i++) whole.Graph.Inputs[i].Declared = declared[i];
        }
        try
        {
            HasSameBits = Check(hop);
        }
        catch
        {
            _model.Dispose();
            throw;
        }
    }

    /// <summary>True when a stream's bits in a batch are those of the stream by itself, and its states lie alike.</summary>
    public bool HasSameBits { get; }

    public BatchRunner CreateRunner(SessionOptions options, HopRunner lone)
    {
        var runner = new BatchRunner(_model, _lone, _wide, options);
        try
        {
            runner.Learn(lone.ResultsOfSilence());
        }
        catch
        {
            runner.Dispose();
            throw;
        }
        return runner;
    }

    // Shapes that follow do not say that streams stay apart: a Reshape may join the batch with another axis. Noise on every stream shows it.
    private bool Check(Model hop)
    {
        if (_lone.Input.Type.DType != DType.F32) throw new UnsupportedException($"its samples are {_lone.Input.Type.DType.Display()}");
        using var lone = new HopRunner(hop, _lone, new SessionOptions());
        using var batch = CreateRunner(new SessionOptions(), lone);
        if (batch.Session.Plans.Any(p => p.EndsAt is not null)) throw new UnsupportedException("its shapes or branches depend on values");
        LiveStream[] apart = [.. Enumerable.Range(0, _wide.Width).Select(_ => new LiveStream(_lone, 1, 1))], together = [.. apart.Select(_ => new LiveStream(_lone, 1, 1))];
        var random = new Random(Seed);
        long hops = Math.Min(MostHops, _lone.Outputs.Max(o => o.FirstHop) + MoreHops);
        bool same = Alike(lone.Layouts, batch.Layouts);
        for (long h = 0; h < hops; h++)
        {
            for (int k = 0; k < apart.Length; k++)
            {
                float[] noise = new float[_lone.Hop * apart[k].SampleElements];
                for (int i = 0; i < noise.Length; i++) noise[i] = 2 * random.NextSingle() - 1;
                apart[k].Take<float>(noise);
                together[k].Take<float>(noise);
                lone.Run(apart[k], default);
            }
            batch.Run(together, default);
            for (int k = 0; k < apart.Length; k++)
                while (apart[k].Queue.TryRead(out var a) && together[k].Queue.TryRead(out var b))
                    same &= Compare(a.Values.Bytes, b.Values.Bytes, a.Values.DType, $"result '{a.Output.Name}'");
        }
        for (int k = 0; k < apart.Length; k++)
            for (int i = 0; i < lone.Layouts.Length; i++)
            {
                byte[] a = new byte[lone.Layouts[i].PlainBytes], b = new byte[a.Length];
                lone.Layouts[i].ToPlain(lone.Kernels, apart[k].Memory.Current[i].Bytes, a);
                batch.Layouts[i].ToPlain(lone.Kernels, together[k].Memory.Current[i].Bytes, b);
                same &= Compare(a, b, lone.Layouts[i].Type.DType, $"state '{_lone.States[i].Name}'");
            }
        return same;
    }

    private static bool Alike(StateLayout[] a, StateLayout[] b)
    {
        for (int i = 0; i < a.Length; i++)
            if (a[i].Type != b[i].Type) throw new UnsupportedException($"state {a[i].Type} becomes {b[i].Type}");
        return a.SequenceEqual(b);
    }

    private bool Compare(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, DType type, string what)
    {
        if (a.SequenceEqual(b)) return true;
        double worst = double.PositiveInfinity, largest = 1;
        if (type == DType.F32)
        {
            worst = 0;
            ReadOnlySpan<float> x = MemoryMarshal.Cast<byte, float>(a), y = MemoryMarshal.Cast<byte, float>(b);
            for (int i = 0; i < x.Length; i++)
            {
                if (BitConverter.SingleToInt32Bits(x[i]) == BitConverter.SingleToInt32Bits(y[i])) continue;
                double difference = Math.Abs((double)x[i] - y[i]);
                worst = Math.Max(worst, double.IsNaN(difference) ? double.PositiveInfinity : difference);
                if (float.IsFinite(x[i])) largest = Math.Max(largest, Math.Abs(x[i]));
            }
        }
        return worst <= Tolerance * largest ? false : throw new UnsupportedException($"its {what} in a batch of {_wide.Width} is not that of a stream by itself");
    }

    public void Dispose() => _model.Dispose();
}
