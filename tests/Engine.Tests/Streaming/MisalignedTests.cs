using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Hops that strides do not divide: results are those of windows that end with the last whole stride before the hop does.</summary>
public sealed class MisalignedTests
{
    private const int Window = 48, Stride = 4;

    [Theory, InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(12), InlineData(13)]
    public void Results_are_those_of_the_newest_whole_window(int hop)
    {
        const int Samples = 203;
        float[] signal = TestData.Floats(Samples, 3);
        var exact = Results(Model(new() { Hop = Stride }), signal).ToDictionary(r => r.Sample, r => r.Value);
        var actual = Results(Model(new() { Hop = hop, Misaligned = true }), signal);
        var expected = new List<(long Index, double Sample, float Value)>();
        // A result comes as soon as its last whole stride has, even where the signal ends before the hop does.
        for (long n = 0; (n + 1) * hop / Stride * Stride <= Samples; n++)
        {
            long end = (n + 1) * hop / Stride * Stride;
            if (end >= Window) expected.Add((n, end - 1, exact[end - 1]));
        }
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Layers_say_how_far_they_are_off()
    {
        using var model = Model(new() { Hop = 6, Misaligned = true, HighestFrequency = 0.01 });
        Assert.Equal((6, Stride, 2L), (model.Plan.Every, model.Plan.Hop, model.Plan.MostShift));
        Assert.Equal([StreamForm.Exact, StreamForm.Misaligned, StreamForm.Window], model.Plan.Layers.Select(l => l.Form));
        Assert.Equal(2 * Math.PI * 0.01 * 2, model.Plan.Layers[1].Bound, 1e-12);
        Assert.Equal(33L, model.Plan.Outputs[0].Length(240, Stride));
        using var aligned = Model(new() { Hop = 8, Misaligned = true });
        Assert.Equal((8, 8, 0L), (aligned.Plan.Every, aligned.Plan.Hop, aligned.Plan.MostShift));
        Assert.DoesNotContain(aligned.Plan.Layers, l => l.Form == StreamForm.Misaligned);
    }

    /// <summary>A tone of amplitude 1 moves by no more than 2π times its frequency a sample, and by no more than 2.</summary>
    [Theory, InlineData(0.003), InlineData(0.02), InlineData(0.3)]
    public void A_pool_stays_within_the_bound(double frequency)
    {
        const int Pool = 16, Frames = 8, Hop = 17, Samples = 1500;
        var graph = Graph(x => x.Builder.Op("AveragePool", 13, [x.Value], new() { ["kernel_shape"] = new long[] { Pool }, ["strides"] = new long[] { Pool } }), Frames);
        using var model = StreamModel.Create(new ModelDefinition(graph), Options(new() { Window = Pool * Frames, Hop = Hop, Misaligned = true, HighestFrequency = frequency }));
        float[] signal = [.. Enumerable.Range(0, Samples).Select(t => (float)Math.Sin(2 * Math.PI * frequency * t))];
        double largest = 0, bound = model.Plan.Layers[0].Bound;
        foreach (var (index, _, value) in Results(model, signal))
        {
            // The head adds up the averages of a window; each is off by no more than the bound.
            double own = Enumerable.Range(0, Frames).Sum(f => signal.Skip((int)(index + 1) * Hop - Pool * (Frames - f)).Take(Pool).Average(v => (double)v));
            if ((index + 1) * Hop <= Samples) largest = Math.Max(largest, Math.Abs(own - value) / Frames);
        }
        Assert.InRange(largest, bound / 1000, bound + 1e-5);
        Assert.Equal(Math.Min(2, 2 * Math.PI * frequency * (Pool - 1)), bound, 1e-12);
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        Assert.Contains("less than the 4", Assert.Throws<UnsupportedException>(() => Model(new() { Hop = 3, Misaligned = true })).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => Model(new() { Hop = 6, Misaligned = true, Approximate = true }));
        Assert.Throws<InputException>(() => Model(new() { Misaligned = true }));
        Assert.Throws<InputException>(() => Model(new() { Hop = 6, Misaligned = true, HighestFrequency = 0.6 }));
        Assert.Throws<UnsupportedException>(() => Model(new() { Hop = 6 }));
    }

    private static StreamOptions Options(StreamOptions o) => o with { Axis = 2, Window = o.Window > 0 ? o.Window : Window, Shapes = new Dictionary<string, Shape> { ["x"] = new(1, 1, Window) } };

    private static StreamModel Model(StreamOptions options) => StreamModel.Create(new ModelDefinition(Graph(x =>
    {
        var w = x.Builder.Constant(Tensor.From(new Shape(1, 1, 3), TestData.Floats(3, 5)));
        var y = x.Builder.Op("Conv", 13, [x.Value, w], new() { ["pads"] = new long[] { 2, 0 } });
        return x.Builder.Op("MaxPool", 13, [y], new() { ["kernel_shape"] = new long[] { Stride }, ["strides"] = new long[] { Stride } });
    }, Window / Stride)), Options(options));

    // The sum of all frames, which sees a window as a whole.
    private static ModelGraph Graph(Func<(GraphBuilder Builder, Value Value), Value> extractor, int frames)
    {
        var b = new GraphBuilder();
        var ones = Tensor.Allocate(DType.F32, new Shape(frames, 1));
        ones.Span<float>().Fill(1);
        b.Output(b.Op("MatMul", 13, [extractor((b, b.Input("x", DType.F32))), b.Constant(ones)]));
        return b.Graph;
    }

    private static List<(long Index, double Sample, float Value)> Results(StreamModel model, float[] signal)
    {
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var results = new List<(long, double, float)>();
        for (int at = 0; at < signal.Length;)
        {
            at += session.Push(signal.AsSpan(at, Math.Min(7, signal.Length - at)));
            Read();
        }
        while (!session.Finish()) Read();
        Read();
        return results;

        void Read()
        {
            while (session.TryRead(out var r)) results.Add((r.Index, r.Sample, r.Values.Span<float>()[0]));
        }
    }
}
