using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

public class StreamSessionTests
{
    private const int Seed = 5, Axis = 2;

    // A seed whose stack is convolutions and pools over [1, C, T].
    private static StreamModel Model(int hop = 0) => StreamRunner.Model(Network(), new Shape(1, 3, 64), Axis, hop);

    private static ModelGraph Network()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        x = Conv(b, x, 3, 16, 5, 2, 8, 0, 1);
        x = b.Op("Add", 13, [x, Conv(b, x, 16, 16, 3, 1, 1, 1, 2)]);
        x = b.Op("AveragePool", 13, [x], new() { ["kernel_shape"] = new long[] { 2 }, ["strides"] = new long[] { 2 } });
        b.Output(b.Op("Relu", 13, [Conv(b, x, 16, 5, 3, 1, 1, 1, 3)]));
        return b.Graph;
    }

    private static Value Conv(GraphBuilder b, Value x, int from, int to, int k, int dilation, int begin, int end, int seed) =>
        b.Op("Conv", 13, [x, b.Constant(Tensor.From(new Shape(to, from, k), TestData.Floats(to * from * k, seed)))], new() { ["dilations"] = new long[] { dilation }, ["pads"] = new long[] { begin, end } });

    [Fact]
    public void PushAllocatesNothing()
    {
        using var model = Model(4);
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        float[] chunk = TestData.Floats(3 * 4, Seed), frame = new float[10];
        AssertEx.AllocatesNothing(() =>
        {
            session.Push(chunk);
            while (session.TryRead(out var r)) r.CopyTo(frame.AsSpan());
        });
    }

    [Fact]
    public void RestoredStreamGoesOnWithTheSameBits()
    {
        float[] signal = TestData.Floats(3 * 400, Seed);
        var random = new Random(Seed);
        using var model = Model(4);
        using var straight = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var expected = Run(straight, signal, 0, 400);
        for (int i = 0; i < 1000; i++)
        {
            int at = random.Next(400);
            using var first = model.CreateSession(new() { Session = new() { Threads = 1 } });
            var frames = Run(first, signal, 0, at);
            byte[] saved = first.Save();
            first.Reset();
            first.Restore(saved);
            // Only what follows soon can differ.
            frames.AddRange(Run(first, signal, at, Math.Min(400, at + 40)));
            for (int f = 0; f < frames.Count; f++) Assert.Equal(expected[f], frames[f]);
        }
    }

    [Fact]
    public void DamagedStatesAreRefused()
    {
        using var model = Model(4);
        using var other = Model(8);
        using var session = model.CreateSession();
        using var another = other.CreateSession();
        session.Push(TestData.Floats(3 * 6, Seed));
        while (session.TryRead(out _)) { }
        byte[] saved = session.Save();
        Assert.Throws<InputException>(() => another.Restore(saved));
        Assert.Throws<InputException>(() => session.Restore(saved.AsSpan(0, saved.Length - 1)));
        Assert.Throws<InputException>(() => session.Restore([]));
        for (int i = 0; i < 44; i++)
        {
            byte[] damaged = [.. saved];
            damaged[i] ^= 0x80;
            try
            {
                session.Restore(damaged);
            }
            catch (InputException)
            {
            }
        }
        session.Restore(saved);
        Assert.Equal(6, session.Pushed);
    }

    [Fact]
    public void FullQueueTakesNoSamplesUntilItIsRead()
    {
        using var model = Model(4);
        using var session = model.CreateSession(new() { Queue = 2 });
        float[] signal = TestData.Floats(3 * 400, Seed);
        int taken = session.Push(signal);
        Assert.InRange(taken, 8, 40);
        Assert.Equal(0, session.Push(signal.AsSpan(taken * 3)));
        while (session.TryRead(out _)) { }
        Assert.Equal(8, session.Push(signal.AsSpan(taken * 3)));
    }

    [Fact]
    public void WrongSamplesAreRefused()
    {
        using var model = Model(4);
        using var session = model.CreateSession();
        Assert.Throws<InputException>(() => session.Push(new float[4]));
        Assert.Throws<InputException>(() => session.Push<double>(new double[3]));
        Assert.Equal(1, session.Push(new float[3]));
        Assert.True(session.Finish());
        Assert.Throws<InvalidOperationException>(() => session.Push(new float[3]));
        session.Reset();
        Assert.Equal(1, session.Push(new float[3]));
    }

    [Fact]
    public void StreamWhoseHopWasCancelledMustBeResetOrRestored()
    {
        float[] signal = TestData.Floats(3 * 80, Seed);
        using var model = Model(4);
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var expected = Run(session, signal, 0, 80);
        session.Reset();
        var frames = Run(session, signal, 0, 40);
        byte[] saved = session.Save();
        Assert.Throws<OperationCanceledException>(() => session.Push(signal.AsSpan(3 * 40), new CancellationToken(true)));
        Assert.Throws<InvalidOperationException>(() => session.Push(signal.AsSpan(3 * 40)));
        Assert.Throws<InvalidOperationException>(() => session.Finish());
        Assert.Throws<InvalidOperationException>(() => session.Save());
        session.Restore(saved);
        frames.AddRange(Run(session, signal, 40, 80));
        Assert.Equal(expected.Count, frames.Count);
        for (int f = 0; f < frames.Count; f++) Assert.Equal(expected[f], frames[f]);
    }

    private static List<float[]> Run(StreamSession session, float[] signal, int from, int to)
    {
        var frames = new List<float[]>();
        while (from < to)
        {
            from += session.Push(signal.AsSpan(from * 3, (to - from) * 3));
            while (session.TryRead(out var r))
            {
                var values = new float[r.Frames * r.FrameElements];
                r.CopyTo(values.AsSpan());
                for (int i = 0; i < r.Frames; i++) frames.Add(values.AsSpan(i * r.FrameElements, r.FrameElements).ToArray());
            }
        }
        return frames;
    }
}
