using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Continual inference: encoders trained on windows give of every window what they give of it by itself.</summary>
public class ContinualTests
{
    private const int Tokens = 24;

    private static StreamModel Model(int layers, string head, int hop, bool partial = false, float spread = 1) =>
        StreamModel.Create(new ModelDefinition(EncoderGraph.Of(Tokens, layers, head, spread)), new StreamOptions { Axis = 1, Hop = hop, Window = Tokens, Continual = true, PartialWindows = partial });

    [Theory]
    [InlineData(1, "gather", 1, "SingleOutputAttention")]
    [InlineData(1, "slice", 3, "SingleOutputAttention")]
    [InlineData(1, "mean", 1, "RetroactiveAttention")]
    [InlineData(1, "all", 2, "RetroactiveAttention")]
    [InlineData(2, "gather", 1, "RetroactiveAttention")]
    [InlineData(2, "slice", 4, "RetroactiveAttention")]
    [InlineData(2, "mean", 1, "RetroactiveAttention")]
    [InlineData(3, "gather", 1, "RetroactiveAttention")]
    public void EveryWindowGivesWhatItGivesByItself(int layers, string head, int hop, string attention)
    {
        const int Samples = 3 * Tokens;
        float[] signal = TestData.Floats(Samples * EncoderGraph.Inputs, 11);
        using var model = Model(layers, head, hop, spread: 4);
        Assert.Single(model.Plan.Layers, l => l.Operator == $"engine.{attention}");
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        int windows = 0;
        for (int at = 0; at < Samples; at += hop)
        {
            session.Push(signal.AsSpan(at * EncoderGraph.Inputs, hop * EncoderGraph.Inputs));
            Assert.Equal(at + hop >= Tokens, session.TryRead(out var r));
            if (at + hop < Tokens) continue;
            windows++;
            var window = Tensor.From(new Shape(1, Tokens, EncoderGraph.Inputs), signal.AsSpan((at + hop - Tokens) * EncoderGraph.Inputs, Tokens * EncoderGraph.Inputs).ToArray());
            var expected = StreamRunner.Whole(EncoderGraph.Of(Tokens, layers, head, 4), window);
            Assert.Equal(expected.Shape, r.Values.Shape);
            for (int i = 0; i < expected.Shape.Elements; i++) Assert.Equal(expected.Span<float>()[i], r.Values.Span<float>()[i], 5e-5f);
        }
        Assert.Equal((Samples - Tokens) / hop + 1, windows);
    }

    [Fact]
    public void WhatOnlyTheNewestTokenNeedsIsComputedOfItAlone()
    {
        using var one = Model(1, "gather", 1);
        Assert.DoesNotContain(one.Plan.Layers, l => l.Form == StreamForm.Window);
        using var two = Model(2, "gather", 1);
        // In the second layer keys and values are those of all tokens, the rest that of the newest.
        int products = two.Plan.Graph.Nodes.Count(n => n.Op.Name == "MatMul");
        Assert.Contains(two.Plan.Layers, l => l.Form == StreamForm.Bounded);
        Assert.Equal(products, one.Plan.Graph.Nodes.Count(n => n.Op.Name == "MatMul") + 8);
    }

    [Fact]
    public void StepsAllocateNothingAndGoOnFromASavedState()
    {
        float[] signal = TestData.Floats(5 * Tokens * EncoderGraph.Inputs, 12);
        using var model = Model(2, "gather", 1);
        using var straight = model.CreateSession(new() { Session = new() { Threads = 2 } });
        using var other = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var results = new List<float[]>();
        for (int i = 0; i < 5 * Tokens; i++)
        {
            straight.Push(signal.AsSpan(i * EncoderGraph.Inputs, EncoderGraph.Inputs));
            if (straight.TryRead(out var r)) results.Add(r.Values.Span<float>().ToArray());
            if (i % 17 == 5) other.Restore(straight.Save());
            else if (i > 5)
            {
                other.Push(signal.AsSpan(i * EncoderGraph.Inputs, EncoderGraph.Inputs));
                if (other.TryRead(out r)) Assert.Equal(results[^1], r.Values.Span<float>().ToArray());
            }
        }
        AssertEx.AllocatesNothing(() =>
        {
            other.Push(signal.AsSpan(0, EncoderGraph.Inputs));
            while (other.TryRead(out _)) { }
        });
    }

    [Fact]
    public void WindowsBeforeTheSignalHaveZeros()
    {
        float[] signal = TestData.Floats(2 * Tokens * EncoderGraph.Inputs, 13);
        List<float[]> Run(bool partial)
        {
            using var model = Model(2, "gather", 1, partial);
            using var session = model.CreateSession();
            var results = new List<float[]>();
            for (int i = 0; i < 2 * Tokens; i++)
            {
                session.Push(signal.AsSpan(i * EncoderGraph.Inputs, EncoderGraph.Inputs));
                if (session.TryRead(out var r)) results.Add(r.Values.Span<float>().ToArray());
            }
            return results;
        }

        List<float[]> whole = Run(false), all = Run(true);
        Assert.Equal(whole.Count + Tokens - 1, all.Count);
        foreach (var (a, b) in whole.Zip(all.Skip(Tokens - 1)))
            for (int i = 0; i < a.Length; i++) Assert.Equal(a[i], b[i], 5e-5f);
    }

    [Fact]
    public void ContinualNeedsAWindowAndTheTruePast()
    {
        Assert.Throws<InputException>(() => StreamModel.Create(new ModelDefinition(EncoderGraph.Of(Tokens, 1, "gather")), new StreamOptions { Axis = 1, Hop = 1, Continual = true }));
        Assert.Throws<InputException>(() => StreamModel.Create(new ModelDefinition(EncoderGraph.Of(Tokens, 1, "gather")), new StreamOptions { Axis = 1, Hop = 1, Window = Tokens, Continual = true, Approximate = true }));
    }

    [Fact]
    public void StepStepsAndForwardAgree()
    {
        float[] signal = TestData.Floats(2 * Tokens * EncoderGraph.Inputs, 14);
        using var model = Model(2, "mean", 2);
        using var session = model.CreateSession();
        var stepped = new List<float[]>();
        for (int at = 0; at < 2 * Tokens; at += 2)
            if (session.Step(signal.AsSpan(at * EncoderGraph.Inputs, 2 * EncoderGraph.Inputs), out var r)) stepped.Add(r.Values.Span<float>().ToArray());
            else Assert.True(at + 2 < Tokens);
        session.Reset();
        var chunked = new List<float[]>();
        for (int at = 0, n = 1; at < signal.Length; at += n * EncoderGraph.Inputs, n = Math.Min(n + 6, (signal.Length - at) / EncoderGraph.Inputs))
            session.Steps(signal.AsSpan(at, n * EncoderGraph.Inputs), chunked, static (in StreamResult r, List<float[]> to) => to.Add(r.Values.Span<float>().ToArray()));
        Assert.Equal(stepped, chunked);
        Assert.Equal(Tokens / 2 + 1, stepped.Count);
        var newest = (Tensor)model.Forward(Tensor.From(new Shape(1, Tokens, EncoderGraph.Inputs), signal[(Tokens * EncoderGraph.Inputs)..]))[0];
        for (int i = 0; i < stepped[^1].Length; i++) Assert.Equal(newest.Span<float>()[i], stepped[^1][i], 5e-5f);
        Assert.InRange(model.Deviation()!.Value, 0, 1e-4);
        Assert.Throws<InputException>(() => session.Step(signal.AsSpan(0, EncoderGraph.Inputs), out _));
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Forward(Tensor.Allocate(DType.F32, new Shape(1, Tokens, EncoderGraph.Inputs))));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(2, 0)]
    public void PaddingThatTheStreamDoesNotSeeIsMeasured(int padding, int exact)
    {
        const int Window = 32;
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        foreach (int seed in (int[])[1, 2])
            x = b.Op("Relu", 13, [b.Op("Conv", 13, [x, b.Constant(Tensor.From(new Shape(4, seed == 1 ? 3 : 4, 5), TestData.Floats(4 * (seed == 1 ? 3 : 4) * 5, seed)))], new() { ["pads"] = new long[] { padding, padding } })]);
        b.Output(b.Op("GlobalAveragePool", 13, [x]));
        using var model = StreamModel.Create(new ModelDefinition(b.Graph), new StreamOptions { Axis = 2, Hop = 1, Window = Window, Continual = true, Shapes = new Dictionary<string, Shape> { ["x"] = new(1, 3, Window) } });
        double deviation = model.Deviation()!.Value;
        if (exact == 1) Assert.InRange(deviation, 0, 1e-5);
        else Assert.InRange(deviation, 1e-3, 1);
    }

    [Fact]
    public void ReceptiveFieldIsThatOfTheLayersBackToFront()
    {
        // rf = s · rf of the rest + rf of the layer − s: 1; 3; 2 · 3 + 2 − 2 = 6; 6 + 9 − 1 = 14.
        var b = new GraphBuilder();
        Value Conv(Value x, int seed, int k, int d) => b.Op("Conv", 13, [x, b.Constant(Tensor.From(new Shape(2, 2, k), TestData.Floats(4 * k, seed)))], new() { ["dilations"] = new long[] { d }, ["pads"] = new long[] { 1, 0 } });
        var x = Conv(b.Input("x", DType.F32), 1, 5, 2);
        x = b.Op("MaxPool", 13, [x], new() { ["kernel_shape"] = new long[] { 2 }, ["strides"] = new long[] { 2 } });
        b.Output(Conv(x, 2, 3, 1));
        var time = StreamRunner.Model(b.Graph, new Shape(1, 2, 64), 2).Plan.Outputs[0].Pulse!.Time;
        Assert.Equal(14, time.Field);
        // delay = rf − 1 − padding, the padding of every layer in samples.
        Assert.Equal(14 - 1 - (1 + 2 * 1), time.Newest);
    }

    [Theory]
    [InlineData("GlobalAveragePool", 1)]
    [InlineData("GlobalMaxPool", 2)]
    public void PoolsOverTimeAndSpaceKeepOneValueAHop(string pool, int hop)
    {
        const int Window = 12, Places = 5, Channels = 4;
        var b = new GraphBuilder();
        var x = b.Op("Conv", 13, [b.Input("x", DType.F32), b.Constant(Tensor.From(new Shape(Channels, 2, 3, 1), TestData.Floats(Channels * 6, 1)))]);
        b.Output(b.Op(pool, 13, [x]));
        using var model = StreamModel.Create(new ModelDefinition(b.Graph), new StreamOptions { Axis = 2, Hop = hop, Window = Window, Continual = true, Shapes = new Dictionary<string, Shape> { ["x"] = new(1, 2, Window, Places) } });
        Assert.InRange(model.Deviation()!.Value, 0, 1e-6);
        Assert.Contains(model.Plan.States, s => s.Type.Shape.Dims[2..].SequenceEqual(new long[] { (Window - 2) / hop - 1, 1 }));
    }
}
