using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Scans, loops and running sums over the stream: the state lives on from hop to hop.</summary>
public class ScanStreamTests
{
    private const int Length = 50;
    private static readonly int[] s_hops = [1, 3, 8];

    private static Shape Input => new(1, Recurrences.Inputs, Length);

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Ema(int lookAhead) => StreamCheck.Equal(() => Recurrences.Behind(lookAhead, Recurrences.Inputs, Recurrences.Ema), Input, 2, s_hops);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Lmu(int lookAhead) => StreamCheck.Equal(() => Recurrences.Behind(lookAhead, Recurrences.Order, Recurrences.Lmu), Input, 2, s_hops);

    [Fact]
    public void LifSpikesAreThoseOfItsDefinition()
    {
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            b.Output(Recurrences.Scan(b, b.Input("x", DType.F32), Tensor.From(new Shape(Recurrences.Inputs), TestData.Floats(Recurrences.Inputs, 8)), Recurrences.Lif));
            return b.Graph;
        }

        var input = new Shape(Length, Recurrences.Inputs);
        StreamCheck.Equal(Network, input, 0, s_hops, 0);
        float[] frames = TestData.Floats((int)input.Elements, 4);
        for (int i = 0; i < frames.Length; i++) frames[i] = Math.Abs(frames[i]) * 2;
        float[] expected = Recurrences.LifSpikes(frames, Recurrences.Inputs, TestData.Floats(Recurrences.Inputs, 8));
        Assert.Contains(1f, expected);
        using var model = StreamRunner.Model(Network(), input, 0, 4);
        using var session = model.CreateSession();
        Assert.Equal(expected, StreamRunner.Stream(session, Tensor.From(input, frames), 0, new Random(1)).SelectMany(f => f));
    }

    [Theory]
    [InlineData(1, 4.0)]
    [InlineData(6, 20.0)]
    [InlineData(12, 50.0)]
    public void LegendreMemoryOfAConstantIsTheFirstPolynomial(int order, double theta)
    {
        var (a, c) = Recurrences.Legendre(order, theta);
        // The fixed point of m = Ā m + B̄ · 1 in double: what e₀ leaves of it.
        for (int i = 0; i < order; i++) Assert.Equal(i == 0 ? 1 : 0, a[i, 0] + c[i], 1e-12);
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            b.Output(Recurrences.Scan(b, b.Input("x", DType.F32), Tensor.Allocate(DType.F32, new Shape(1, order)), (body, m, u) => Recurrences.Memory(body, m, u, a, c) is var next ? (next, next) : default));
            return b.Graph;
        }

        int samples = (int)(40 * theta);
        float[] ones = new float[samples];
        Array.Fill(ones, 1f);
        using var model = StreamRunner.Model(Network(), new Shape(samples, 1, 1), 0, 5);
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        float[] last = StreamRunner.Stream(session, Tensor.From(new Shape(samples, 1, 1), ones), 0, new Random(1))[^1];
        for (int i = 0; i < order; i++) Assert.Equal(i == 0 ? 1f : 0f, last[i], 2e-5f);
    }

    [Fact]
    public void ScanAlongOtherAxes()
    {
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            b.Output(Recurrences.Scan(b, b.Input("x", DType.F32), Tensor.Allocate(DType.F32, new Shape(2, Recurrences.Inputs)), Recurrences.Ema, 1, -1));
            return b.Graph;
        }
        StreamCheck.Equal(Network, new Shape(2, Length, Recurrences.Inputs), 1, s_hops);
    }

    [Fact]
    public void LoopOverEveryFrameIsAScan()
    {
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            var frames = b.Op("Gather", 13, [b.Op("Shape", 13, [x]), b.Constant(Tensor.Scalar(0L))]);
            var y = b.Loop(frames, [b.Constant(Tensor.Allocate(DType.F32, new Shape(Recurrences.Inputs)))], (body, carried) =>
            {
                var (next, result) = Recurrences.Ema(body, carried[0], body.Op("Gather", 13, [x, body.Graph.Inputs[0]], new() { ["axis"] = 0L }));
                return ([next], [result]);
            });
            b.Output(y[1]);
            return b.Graph;
        }
        StreamCheck.Equal(Network, new Shape(Length, Recurrences.Inputs), 0, s_hops);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RunningSums(bool exclusive)
    {
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            x = b.Op("Conv", 13, [x, b.Constant(Tensor.From(new Shape(3, 3, 3), TestData.Floats(27, 1)))], new() { ["pads"] = new long[] { 1, 1 } });
            b.Output(b.Op("CumSum", 14, [b.Op("CumSum", 14, [x, b.Constant(Tensor.Scalar(1L))]), b.Constant(Tensor.Scalar(-1L))], new() { ["exclusive"] = exclusive ? 1L : 0L }));
            return b.Graph;
        }
        StreamCheck.Equal(Network, new Shape(1, 3, Length), 2, s_hops);
    }

    [Fact]
    public void WhatRunsFromTheEndIsRefused()
    {
        ModelGraph Backwards(bool sum)
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            if (sum) b.Output(b.Op("CumSum", 14, [x, b.Constant(Tensor.Scalar(0L))], new() { ["reverse"] = 1L }));
            else
            {
                var body = new GraphBuilder();
                var (next, result) = Recurrences.Ema(body, body.Input("h", DType.F32), body.Input("x", DType.F32));
                body.Output(next);
                body.Output(result);
                b.Output(b.Ops("Scan", 16, [b.Constant(Tensor.Allocate(DType.F32, new Shape(3))), x], new() { ["body"] = body.Graph, ["num_scan_inputs"] = 1L, ["scan_input_directions"] = new long[] { 1 } }, 2)[1]);
            }
            return b.Graph;
        }

        foreach (bool sum in (bool[])[false, true])
        {
            var e = Assert.Throws<UnsupportedException>(() => StreamRunner.Model(Backwards(sum), new Shape(Length, 3), 0, 2));
            Assert.Contains("it runs from the end of the signal", e.Message);
        }
    }

    [Fact]
    public void LongHopsOfLargeBodiesAreRefused()
    {
        var e = Assert.Throws<UnsupportedException>(() => StreamRunner.Model(Recurrences.Behind(0, Recurrences.Order, Recurrences.Lmu), new Shape(1, Recurrences.Inputs, 4096), 2, 4096));
        Assert.Contains("hops of", e.Message);
    }

    [Fact]
    public void StatesAreReported()
    {
        using var model = StreamRunner.Model(Recurrences.Behind(1, Recurrences.Order, Recurrences.Lmu), Input, 2, 4);
        var layer = Assert.Single(model.Plan.Layers, l => l.Operator == "Scan");
        Assert.Equal((StreamForm.Exact, 4L, 4L * Recurrences.Order), (layer.Form, layer.Delay, layer.StateBytes));
    }
}
