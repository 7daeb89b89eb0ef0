using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>Streaming forms of what carries a state from frame to frame.</summary>
internal static class StreamRecurrence
{
    /// <summary>Most nodes that the frames of a hop may unroll a body to.</summary>
    public const int MostNodes = 8192;

    /// <summary>The stream so late that the signal begins with a hop, and that hop: before it the state must not move.</summary>
    public static (Pulse Operand, long Reset) AtHop(StreamContext c, Pulse x)
    {
        long late = x.Delay % x.Frames;
        x = c.Delay(x, late == 0 ? 0 : x.Frames - late, 0);
        return (x, x.Delay / x.Frames);
    }

    /// <summary>
    /// A scan over the stream, its body once for every frame of a hop. The first <paramref name="states"/> operands are the states that it starts with, the others are scanned along
    /// <paramref name="axes"/>; results are the last states, then what the body gives of every frame along <paramref name="outputAxes"/>.
    /// </summary>
    public static void Scan(StreamContext c, ModelGraph body, int states, long[] axes, long[] outputAxes)
    {
        if (c.Windowed) throw c.Refuse("it starts anew in every window");
        if (body.Captures().Count > 0) throw c.Refuse($"its body reads '{body.Captures()[0].Name}' of the graph around it");
        if (body.Nodes.Find(n => n.Op.Kind == OperatorKind.Dynamic || n.Op.IsRandom) is { } other) throw c.Refuse($"{other.Describe()} in its body decides as it runs");
        if (states < 0 || states + outputAxes.Length != body.Outputs.Count || states + axes.Length != body.Inputs.Count) throw c.Refuse($"its body takes {body.Inputs.Count} values and gives {body.Outputs.Count}, for {c.InputCount} operands");
        for (int i = 0; i < c.InputCount; i++)
            if (c.Stream(i) is { } p ? i < states : i >= states) throw c.Refuse(i < states ? "the state that it starts with changes with time" : $"operand {i} has a value for every frame");
            else if (c.Stream(i) is { } x && x.Axis != x.Type.Shape.Axis(axes[i - states])) throw c.Refuse("the stream does not run along the scanned axis");
        var streams = StreamForms.Aligned(c, out _).ConvertAll(s => AtHop(c, s.Pulse));
        int frames = streams[0].Operand.Frames;
        if ((long)frames * body.Nodes.Count > MostNodes) throw c.Refuse($"its body of {body.Nodes.Count} nodes for each of {frames} frames a hop is too much; hops of {MostNodes / body.Nodes.Count} frames do");
        var slices = streams.ConvertAll(s => Slices(c, s.Operand));
        var state = Enumerable.Range(0, states).Select(i => c.State(c.Type(i), c.Known(i) ?? throw c.Refuse("the state that it starts with is computed"), streams[0].Reset)).ToArray();
        var now = state.ToArray();
        var given = outputAxes.Select(_ => new List<(Value Wire, TensorType Type)>()).ToArray();
        for (int t = 0; t < frames; t++)
        {
            var results = Frame(c, body, [.. now, .. slices.Select(s => s[t])]);
            for (int i = 0; i < states; i++) now[i] = results[i].Type == c.Type(i) ? results[i].Wire : throw c.Refuse($"state {i} is {c.Type(i)} at first and {results[i].Type} later");
            for (int i = 0; i < given.Length; i++) given[i].Add(results[states + i]);
        }
        for (int i = 0; i < states; i++)
        {
            c.Next(state[i], Own(c, now[i]));
            c.Result(i, now[i]);
        }
        var time = streams.Select(s => s.Operand.Time).Aggregate((a, b) => a.With(b));
        for (int i = 0; i < given.Length; i++)
            if (c.Node.Outputs.Count > states + i && c.Node.Outputs[states + i] is not null)
            {
                var (y, axis) = Stack(c, given[i], outputAxes[i]);
                c.Alias(states + i, new(y.Wire, y.Type, axis, frames, streams[0].Operand.Delay, time));
            }
    }

    // The frames of a hop one by one, the streamed axis taken out.
    private static List<Value> Slices(StreamContext c, Pulse x)
    {
        var shape = x.Type.Shape;
        long[] rest = [.. shape.ToArray().Where((_, i) => i != x.Axis)];
        IEnumerable<Value> parts = [x.Wire];
        if (x.Frames > 1)
        {
            var ones = new long[x.Frames];
            Array.Fill(ones, 1);
            var split = new Split(StreamForms.Opset13("axis", (long)x.Axis));
            parts = c.Insert(new Node("split", split, [x.Wire, Value.Of($"{c.Node.Name}.ones", Tensor.Vector<long>(ones))], [.. ones.Select((_, i) => new Value($"frame{i}"))])).Select(y => y!.Value.Wire);
        }
        return [.. parts.Select(p => View(c, p, rest).Wire)];
    }

    private static ((Value Wire, TensorType Type) Result, int Axis) Stack(StreamContext c, List<(Value Wire, TensorType Type)> frames, long axis)
    {
        var shape = frames[0].Type.Shape;
        int at = shape.Axis(axis, 1);
        long[] one = [.. shape.Dims[..at], 1, .. shape.Dims[at..]];
        var parts = frames.ConvertAll(f => View(c, f.Wire, one));
        return (parts.Count == 1 ? parts[0] : c.Insert(new Concat(StreamForms.Opset13("axis", (long)at)), [.. parts.Select(p => p.Wire)]), at);
    }

    private static (Value Wire, TensorType Type) View(StreamContext c, Value x, long[] dims) => c.Insert(new Reshape(StreamForms.Opset13("allowzero", 1L)), [x, Value.Of($"{c.Node.Name}.shape", Tensor.Vector<long>(dims))]);

    // What is a state, or a constant, as it is.
    private static Value Own(StreamContext c, Value v) => c.Insert(new Identity(Attributes.None), [v]).Wire;

    private static List<(Value Wire, TensorType Type)> Frame(StreamContext c, ModelGraph body, IReadOnlyList<Value> operands)
    {
        var wires = new Dictionary<Value, Value>();
        for (int i = 0; i < operands.Count; i++) wires[body.Inputs[i]] = operands[i];
        Value Of(Value v) => v.Constant is not null ? v : wires[v];
        foreach (var n in body.Nodes)
        {
            var made = c.Insert(new Node(n.Name, n.Op, [.. n.Inputs.Select(v => v is null ? null : Of(v))], n.Outputs) { Epilogue = n.Epilogue });
            for (int i = 0; i < n.Outputs.Count; i++)
                if (n.Outputs[i] is { } v) wires[v] = made[i]?.Wire ?? throw c.Refuse($"the type of '{v.Name}' in its body is not known");
        }
        return [.. body.Outputs.Select(v => (Of(v), c.TypeOf(Of(v)) ?? throw c.Refuse($"the type of '{v.Name}' in its body is not known")))];
    }
}
