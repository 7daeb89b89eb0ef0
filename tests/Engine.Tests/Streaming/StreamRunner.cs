using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Runs graphs on whole signals and on streams of them.</summary>
internal static class StreamRunner
{
    /// <summary>The first output of the graph for the whole signal.</summary>
    public static Tensor Whole(ModelGraph graph, Tensor x)
    {
        using var model = Engine.Model.Create(new ModelDefinition(graph));
        using var session = model.CreateSession(new() { Threads = 1 });
        return (Tensor)session.Run(new Dictionary<string, RuntimeValue> { [graph.Inputs[0].Name] = x })[graph.Outputs[0].Name];
    }

    public static StreamModel Model(ModelGraph graph, Shape input, int axis, int hop = 0, int window = 0) =>
        StreamModel.Create(new ModelDefinition(graph), new StreamOptions { Axis = axis, Hop = hop, Window = window, Shapes = new Dictionary<string, Shape> { [graph.Inputs[0].Name] = input } });

    /// <summary>The fewest samples a hop that all strides divide.</summary>
    public static int SmallestHop(ModelGraph graph, Shape input, int axis) =>
        StreamTransform.Run(graph, new StreamOptions { Axis = axis, Shapes = new Dictionary<string, Shape> { [graph.Inputs[0].Name] = input } }, new NodeEvaluator(CpuKernels.Standard)).Hop;

    /// <summary>Frames of the first output, in order, for a signal pushed in chunks of random sizes; every frame's index is checked.</summary>
    public static List<float[]> Stream(StreamSession session, Tensor x, int axis, Random random)
    {
        var frames = new List<float[]>();
        float[] samples = Samples(x, axis);
        int at = 0, count = x.Shape.Int(axis), elements = session.SampleElements;
        while (at < count)
        {
            int n = Math.Min(count - at, 1 + random.Next(7));
            for (int taken = 0; taken < n;)
            {
                taken += session.Push(samples.AsSpan((at + taken) * elements, (n - taken) * elements));
                Read(session, frames);
            }
            at += n;
        }
        while (!session.Finish()) Read(session, frames);
        Read(session, frames);
        return frames;
    }

    /// <summary>A tensor's frames along an axis, one after the other.</summary>
    public static float[] Samples(Tensor x, int axis)
    {
        var s = x.Shape;
        int n = s.Int(axis), outer = (int)s.Product(0, axis), inner = (int)s.Product(axis + 1, s.Rank);
        var from = x.Span<float>();
        var to = new float[from.Length];
        for (int t = 0; t < n; t++)
            for (int o = 0; o < outer; o++) from.Slice((o * n + t) * inner, inner).CopyTo(to.AsSpan((t * outer + o) * inner));
        return to;
    }

    private static void Read(StreamSession session, List<float[]> frames)
    {
        while (session.TryRead(out var r))
        {
            if (r.Output != session.Outputs[0]) continue;
            var values = new float[r.Frames * r.FrameElements];
            r.CopyTo(values.AsSpan());
            if (r.Output.Pulse is not null) Assert.Equal(frames.Count, r.Index);
            for (int i = 0; i < r.Frames; i++) frames.Add(values.AsSpan(i * r.FrameElements, r.FrameElements).ToArray());
        }
    }
}
