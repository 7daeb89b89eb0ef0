using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// A Loop that is a plain scan, as exporters write a recurrence over time: it runs once for every frame, never ends early, and reads streams only one frame at a time, the one that its iteration counts.
/// </summary>
internal static class LoopScan
{
    /// <summary>The Scan that does the same, or null.</summary>
    /// <param name="node">The loop.</param>
    /// <param name="isStream">Which wires of the graph around it are streams.</param>
    /// <param name="trips">The trip count, where it is known; −1 for the length of the stream.</param>
    /// <param name="length">Frames of a stream in the whole signal, where that is known.</param>
    public static Node? Of(Node node, Func<Value, bool> isStream, Tensor? trips, Func<Value, long?> length)
    {
        if (node.Op is not Loop { Body: var body } || trips is not { DType: DType.I64, Shape.Elements: 1 } || body.Inputs.Count < 2 || body.Outputs.Count < 1) return null;
        if (node.Input(1) is { } first && !IsTrue(first) || body.Outputs[0] != body.Inputs[1] && !IsTrue(body.Outputs[0])) return null;
        var (iteration, condition) = (body.Inputs[0], body.Inputs[1]);
        var streams = new List<(Value Of, Value Frame, long Axis)>();
        var rest = new List<Node>();
        foreach (var n in body.Nodes)
        {
            if (n.Op is Gather gather && n.Inputs is [{ } x, { } at] && at == iteration && isStream(x)) streams.Add((x, n.Outputs[0]!, gather.Attributes.Int("axis", 0)));
            else rest.Add(n);
        }
        bool plain = streams.Count > 0 && !rest.SelectMany(Reads).Concat(body.Outputs.Skip(1)).Any(v => v == iteration || v == condition || isStream(v));
        if (!plain || streams.Any(s => trips.ToLongs()[0] is var n and not -1 && n != length(s.Of))) return null;
        var scan = new ModelGraph(body.Name) { Nodes = rest };
        scan.Inputs.AddRange([.. body.Inputs.Skip(2), .. streams.Select(s => s.Frame)]);
        scan.Outputs.AddRange(body.Outputs.Skip(1));
        var attributes = new Attributes(16, new Dictionary<string, object> { ["body"] = scan, ["num_scan_inputs"] = (long)streams.Count, ["scan_input_axes"] = streams.Select(s => s.Axis).ToArray() });
        return new Node(node.Name, new Scan(attributes), [.. node.Inputs.Skip(2), .. streams.Select(s => s.Of)], node.Outputs);
    }

    private static IEnumerable<Value> Reads(Node n) => n.Inputs.OfType<Value>().Concat(n.Op.Subgraphs.SelectMany(g => g.Captures()));

    private static bool IsTrue(Value v) => v.ConstantTensor is { DType: DType.Bool, Shape.Elements: 1 } t && t.Bytes[0] != 0;
}
