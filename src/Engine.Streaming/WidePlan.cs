using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>The hop of several streams at once: the same graph with a longer batch axis.</summary>
/// <param name="Plan">The hop; its inputs, states and visible ranges hold so many streams.</param>
/// <param name="Width">Streams.</param>
/// <param name="InputAxis">The axis of the samples along which streams lie side by side.</param>
/// <param name="StateAxes">The same of every state.</param>
internal sealed record WidePlan(StreamPlan Plan, int Width, int InputAxis, int[] StateAxes)
{
    // Axes that a state may be batched along are tried one after the other.
    private const int MostTrials = 16;

    /// <summary>
    /// Widens a plan. That shapes follow does not say yet that streams stay apart. Throws <see cref="UnsupportedException"/> with the reason where the model has no batch axis that can be widened.
    /// Inputs that are states keep the types that they are declared with here, which are not those of one stream.
    /// </summary>
    public static WidePlan Of(ModelGraph graph, StreamPlan lone, int width, IEvaluator evaluator)
    {
        var x = lone.Input.Type.Shape;
        int axis = lone.Input.Axis != 0 && x[0] == 1 ? 0 : x.Rank > 2 && lone.Input.Axis == 0 && x[1] == 1 ? 1 : throw new UnsupportedException($"its input {x} has no batch axis of 1 before the others");
        var wide = Widened(graph, width);
        EngineException? refused = null;
        foreach (var shapes in Trials(lone, width, axis))
            try
            {
                var plan = StreamTransform.Run(wide, lone.Options with { Shapes = shapes }, evaluator);
                if (plan.VisibleInput is { } v) v.Declared = new DeclaredType.Tensor(DType.I64, [new Dim(width), new Dim(plan.Visible.Count), new Dim(2)]);
                return new(plan, width, axis, [.. lone.States.Select((s, i) => Axis(s, i < plan.States.Count ? plan.States[i] : null, width))]);
            }
            catch (EngineException e)
            {
                refused ??= e;
            }
        throw new UnsupportedException($"it has no batch axis that can be widened: {refused?.Message}");
    }

    // Shapes of the stream and of states that the caller feeds back, whose batch axis is one of extent 1.
    private static IEnumerable<Dictionary<string, Shape>> Trials(StreamPlan lone, int width, int axis)
    {
        var shapes = new Dictionary<string, Shape>(lone.Options.Shapes) { [lone.Input.Wire.Name] = lone.Input.Type.Shape.With(axis, width) };
        IEnumerable<Dictionary<string, Shape>> trials = [shapes];
        foreach (string name in lone.Options.Feedback.Keys)
        {
            var s = lone.States.First(s => s.Name == name).Type.Shape;
            var axes = Enumerable.Range(0, s.Rank).Where(i => s[i] == 1).ToList();
            trials = trials.SelectMany(t => axes.Select(i => new Dictionary<string, Shape>(t) { [name] = s.With(i, width) }));
        }
        return trials.Take(MostTrials);
    }

    private static int Axis(StreamState lone, StreamState? wide, int width)
    {
        var (a, b) = (lone.Type.Shape, wide?.Type.Shape ?? Shape.Scalar);
        if (wide is not null && wide.Name == lone.Name && wide.Type.DType == lone.Type.DType && a.Rank == b.Rank)
            for (int i = 0; i < a.Rank; i++)
                if (a[i] == 1 && b == a.With(i, width)) return i;
        throw new UnsupportedException($"its state '{lone.Name}' of shape {a} becomes {(wide is null ? "none" : b.ToString())}");
    }

    // Exporters write a batch of 1 into the shapes of Reshape and into the states that cells begin with.
    private static ModelGraph Widened(ModelGraph graph, int width)
    {
        var wide = new ModelGraph(graph.Name);
        wide.Inputs.AddRange(graph.Inputs);
        wide.Outputs.AddRange(graph.Outputs);
        foreach (var n in graph.Nodes)
        {
            Value?[] inputs = [.. n.Inputs];
            if (n.Op is Reshape && n.Input(1)?.ConstantTensor is { } shape && shape.Shape.Elements > 1 && shape.ToLongs() is [1, ..] dims)
                inputs[1] = Value.Of(n.Inputs[1]!.Name, Tensor.Vector<long>([width, .. dims.AsSpan(1)]));
            if (n.Op is Recurrent r)
                for (int i = 5; i < 7; i++)
                    if (n.Input(i)?.ConstantTensor is { } state) inputs[i] = Value.Of(n.Inputs[i]!.Name, Repeated(state, r.BatchFirst ? 0 : 1, width));
            wide.Nodes.Add(inputs.AsSpan().SequenceEqual(n.Inputs.ToArray()) ? n : new Node(n.Name, n.Op, inputs, n.Outputs) { Epilogue = n.Epilogue });
        }
        return wide;
    }

    private static Tensor Repeated(Tensor t, int axis, int width)
    {
        if (t.Shape.Rank != 3 || t.Shape[axis] != 1) return t;
        var wide = Tensor.Allocate(t.DType, t.Shape.With(axis, width));
        int rows = t.Shape.Int(0), row = Checked.Int(t.ByteLength / t.Shape.Elements * t.Shape[2]);
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < width; k++) t.Bytes.Slice(axis == 0 ? 0 : i * row, axis == 0 ? Checked.Int(t.ByteLength) : row).CopyTo(wide.Bytes[(axis == 0 ? k * Checked.Int(t.ByteLength) : (i * width + k) * row)..]);
        return wide;
    }
}
