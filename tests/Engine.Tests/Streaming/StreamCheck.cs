using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>What holds of every network on a stream.</summary>
internal static class StreamCheck
{
    /// <summary>
    /// A stream in chunks of any size gives what the whole signal gives, again after a reset, with the same bits after it was saved and restored at any point, and a push allocates nothing.
    /// </summary>
    public static void Equal(Func<ModelGraph> network, Shape input, int axis, int[] hops, float tolerance = 1e-5f)
    {
        var signal = Tensor.From(input, TestData.Floats((int)input.Elements, 9));
        var whole = StreamRunner.Whole(network(), signal);
        foreach (int hop in hops)
        {
            var graph = network();
            using var model = StreamModel.Create(new ModelDefinition(graph), new StreamOptions { Axis = axis, Hop = hop, Shapes = new Dictionary<string, Shape> { [graph.Inputs[0].Name] = input } });
            using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
            var random = new Random(hop);
            int at = session.Outputs[0].Pulse!.Axis;
            float[] expected = StreamRunner.Samples(whole, at);
            for (int again = 0; again < 2; again++)
            {
                Same(expected, StreamRunner.Stream(session, signal, axis, random), whole.Shape.Int(at), tolerance, $"hop {hop}");
                session.Reset();
            }
            Restored(session, StreamRunner.Samples(signal, axis), random);
            session.Reset();
            float[] chunk = StreamRunner.Samples(signal, axis)[..(hop * session.SampleElements)];
            AssertEx.AllocatesNothing(() =>
            {
                session.Push(chunk);
                while (session.TryRead(out _)) { }
            });
        }
    }

    private static void Same(float[] expected, List<float[]> frames, int count, float tolerance, string what)
    {
        Assert.True(frames.Count == count, $"{what}: {frames.Count} frames, expected {count}");
        int n = count == 0 ? 0 : expected.Length / count;
        float most = tolerance * (1 + expected.Max(MathF.Abs));
        for (int f = 0; f < count; f++)
            for (int i = 0; i < n; i++)
                Assert.True(Math.Abs(frames[f][i] - expected[f * n + i]) <= most, $"{what}: frame {f} of {count}, element {i}: expected {expected[f * n + i]}, got {frames[f][i]}");
    }

    private static void Restored(StreamSession session, float[] signal, Random random)
    {
        int count = signal.Length / session.SampleElements;
        var straight = Push(session, signal, 0, count);
        for (int i = 0; i < 5; i++)
        {
            int at = random.Next(count);
            session.Reset();
            var frames = Push(session, signal, 0, at);
            byte[] saved = session.Save();
            Push(session, signal, at, Math.Min(count, at + 9));
            session.Restore(saved);
            frames.AddRange(Push(session, signal, at, count));
            Assert.Equal(straight, frames);
        }
    }

    private static List<float> Push(StreamSession session, float[] signal, int from, int to)
    {
        var values = new List<float>();
        while (from < to)
        {
            from += session.Push(signal.AsSpan(from * session.SampleElements, (to - from) * session.SampleElements));
            while (session.TryRead(out var r))
            {
                var frames = new float[r.Frames * r.FrameElements];
                r.CopyTo(frames.AsSpan());
                values.AddRange(frames);
            }
        }
        return values;
    }
}
