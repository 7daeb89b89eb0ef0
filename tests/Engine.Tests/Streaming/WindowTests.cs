using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Windows whose extractor runs on the stream and whose head runs on what a window's frames gave.</summary>
public class WindowTests
{
    private const int Window = 64, Hop = 16, Samples = 200, Channels = 3, Stride = 4, Frames = Window / Stride;

    [Theory]
    [InlineData("dense", false)]
    [InlineData("mean", false)]
    [InlineData("largest", false)]
    [InlineData("attention", false)]
    [InlineData("dense", true)]
    [InlineData("mean", true)]
    public void WindowsSeeTheTruePast(string head, bool lookAhead)
    {
        float[] signal = TestData.Floats(Channels * Samples, 3);
        // The extractor over all that comes, then the head on each window's frames.
        var features = StreamRunner.Whole(Graph(x => Extractor(x.Builder, x.Value, lookAhead)), Of(signal, Samples));
        using var model = Model(head, lookAhead, new() { Axis = 2, Hop = Hop, Window = Window });
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var results = Results(session, signal);
        Assert.Equal(Samples / Hop - Window / Hop + 1, results.Count);
        for (int w = 0; w < results.Count; w++)
        {
            var part = Tensor.Allocate(DType.F32, new Shape(1, 16, Frames));
            for (int c = 0; c < 16; c++) features.Span<float>().Slice(c * features.Shape.Int(2) + w * (Hop / Stride), Frames).CopyTo(part.Span<float>()[(c * Frames)..]);
            var expected = StreamRunner.Whole(Graph(x => Head(x.Builder, x.Value, head)), part).Span<float>();
            Assert.Equal(w + Window / Hop - 1, results[w].Index);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], results[w].Values[i], 1e-4f);
        }
    }

    [Fact]
    public void PartialWindowsHaveZerosBefore()
    {
        float[] signal = TestData.Floats(Channels * Samples, 3);
        using var whole = Model("dense", false, new() { Axis = 2, Hop = Hop, Window = Window });
        using var partial = Model("dense", false, new() { Axis = 2, Hop = Hop, Window = Window, PartialWindows = true });
        using var a = whole.CreateSession();
        using var b = partial.CreateSession();
        var (later, all) = (Results(a, signal), Results(b, signal));
        Assert.Equal(later.Count + Window / Hop - 1, all.Count);
        Assert.Equal(later.Select(r => r.Values), all.Skip(Window / Hop - 1).Select(r => r.Values));
    }

    [Fact]
    public void HopsByThemselvesAreTheApproximation()
    {
        float[] signal = TestData.Floats(Channels * Samples, 3);
        using var model = Model("dense", false, new() { Axis = 2, Hop = Hop, Window = Window, Approximate = true });
        using var session = model.CreateSession();
        var results = Results(session, signal);
        var part = Tensor.Allocate(DType.F32, new Shape(1, 16, Frames));
        for (int h = 0; h < Window / Hop; h++)
        {
            var one = StreamRunner.Whole(Graph(x => Extractor(x.Builder, x.Value, false)), Of(signal.AsSpan(h * Hop * Channels, Hop * Channels).ToArray(), Hop));
            for (int c = 0; c < 16; c++) one.Span<float>().Slice(c * (Hop / Stride), Hop / Stride).CopyTo(part.Span<float>()[(c * Frames + h * (Hop / Stride))..]);
        }
        var expected = StreamRunner.Whole(Graph(x => Head(x.Builder, x.Value, "dense")), part).Span<float>();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], results[0].Values[i], 1e-4f);
    }

    [Fact]
    public void WhatCannotRunOnAStreamIsRefusedByName()
    {
        var e = Assert.Throws<UnsupportedException>(() => Model("dense", false, new() { Axis = 2, Hop = Hop }));
        Assert.Contains("Flatten", e.Message, StringComparison.Ordinal);
        Assert.Contains("stream", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<UnsupportedException>(() => Model("dense", false, new() { Axis = 2, Hop = 6, Window = Window }));
        Assert.Contains("multiples of 4 do", e.Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => Model("dense", false, new() { Axis = 5, Hop = Hop, Window = Window }));
        Assert.Throws<InputException>(() => Model("dense", false, new() { Axis = 2, Hop = Hop, Approximate = true }));
        Assert.Throws<InputException>(() => Model("dense", false, new() { Axis = 2, Hop = Hop, Window = Window, Input = "y" }));
    }

    private static StreamModel Model(string head, bool lookAhead, StreamOptions options) => StreamModel.Create(new ModelDefinition(Graph(x => Head(x.Builder, Extractor(x.Builder, x.Value, lookAhead), head))),
        options with { Shapes = new Dictionary<string, Shape> { ["x"] = new(1, Channels, Window) } });

    private static ModelGraph Graph(Func<(GraphBuilder Builder, Value Value), Value> make)
    {
        var b = new GraphBuilder();
        b.Output(make((b, b.Input("x", DType.F32))));
        return b.Graph;
    }

    private static Value Weights(GraphBuilder b, int seed, params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed)));

    private static Value Extractor(GraphBuilder b, Value x, bool lookAhead)
    {
        var pads = lookAhead ? new long[] { 1, 1 } : [2, 0];
        x = b.Op("Relu", 13, [b.Op("Conv", 13, [x, Weights(b, 1, 16, Channels, 3), Weights(b, 2, 16)], new() { ["pads"] = pads })]);
        x = b.Op("MaxPool", 13, [x], new() { ["kernel_shape"] = new long[] { 4 }, ["strides"] = new long[] { 4 } });
        return b.Op("Conv", 13, [x, Weights(b, 3, 16, 16, 3)], new() { ["pads"] = pads });
    }

    private static Value Head(GraphBuilder b, Value x, string head) => head switch
    {
        "mean" => b.Op("Flatten", 13, [b.Op("GlobalAveragePool", 13, [x])]),
        "largest" => b.Op("Flatten", 13, [b.Op("GlobalMaxPool", 13, [x])]),
        "attention" => b.Op("Flatten", 13, [b.Op("MatMul", 13, [x, b.Op("Softmax", 13, [b.Op("MatMul", 13, [b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 0, 2, 1 } }), x])], new() { ["axis"] = -1L })])]),
        _ => b.Op("Gemm", 13, [b.Op("Flatten", 13, [x]), Weights(b, 4, 16 * Frames, 5), Weights(b, 5, 5)]),
    };

    // Samples one after the other as [1, C, T].
    private static Tensor Of(float[] signal, int samples)
    {
        var x = Tensor.Allocate(DType.F32, new Shape(1, Channels, samples));
        for (int t = 0; t < samples; t++)
            for (int c = 0; c < Channels; c++) x.Span<float>()[c * samples + t] = signal[t * Channels + c];
        return x;
    }

    private static List<(long Index, float[] Values)> Results(StreamSession session, float[] signal)
    {
        var results = new List<(long, float[])>();
        for (int at = 0; at < signal.Length;)
        {
            at += Channels * session.Push(signal.AsSpan(at));
            Read();
        }
        while (!session.Finish()) Read();
        Read();
        return results;

        void Read()
        {
            while (session.TryRead(out var r))
            {
                var values = new float[r.FrameElements];
                r.CopyTo(values.AsSpan());
                results.Add((r.Index, values));
            }
        }
    }
}
