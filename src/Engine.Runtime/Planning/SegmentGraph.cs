using Engine.Graph;
using Engine.Graph.Operators;

namespace Engine.Runtime;

/// <summary>Who makes and who reads the wires of a segment, for fusions that replace several nodes by one.</summary>
internal sealed class SegmentGraph
{
    private const float Tolerance = 1e-5f;
    private readonly Dictionary<Value, LoweredNode> _producers = [];
    private readonly Dictionary<Value, List<LoweredNode>> _readers = [];
    private readonly Dictionary<LoweredNode, LoweredNode> _replaced = [];
    private readonly HashSet<Value> _outputs;
    private readonly KernelRegistry _kernels;

    public SegmentGraph(LoweredSegment segment, KernelRegistry kernels)
    {
        (Segment, _kernels, _outputs) = (segment, kernels, [.. segment.Outputs]);
        foreach (var n in segment.Nodes)
        {
            foreach (var v in n.Outputs) if (v is not null) _producers[v] = n;
            foreach (var v in n.Inputs) if (v is not null) (_readers.TryGetValue(v, out var list) ? list : _readers[v] = []).Add(n);
        }
    }

    public LoweredSegment Segment { get; }

    /// <summary>The node that computes a wire; null for one that is handed in, known, or rounded to a grid.</summary>
    public LoweredNode? Producer(Value? v) =>
        v is { Constant: null, Quantization: null } && !Segment.Known.ContainsKey(v) && _producers.TryGetValue(v, out var n) && n.Node.Epilogue.Count == 0 ? n : null;

    /// <summary>The node that computes a wire, rounded to a grid or not; null for one that is handed in.</summary>
    public LoweredNode? Maker(Value v) => _producers.GetValueOrDefault(v);

    /// <summary>The only reader of a wire that is seen nowhere else, and reads it once.</summary>
    public LoweredNode? Reader(Value? v) =>
        v is { Quantization: null } && !_outputs.Contains(v) && _readers.TryGetValue(v, out var list) && list.Count == 1 && list[0].Inputs.Count(i => i == v) == 1 && list[0].Node.Epilogue.Count == 0 ? list[0] : null;

    /// <summary>The one number that a wire is known to hold, or null.</summary>
    public float? Number(Value? v) => Fusion.Number(v, Segment);

    /// <summary>True when the wire holds <paramref name="number"/>, as near as exporters write it.</summary>
    public bool Is(Value? v, float number) => Number(v) is { } n && MathF.Abs(n - number) <= Tolerance * MathF.Abs(number);

    /// <summary>The other operand of a node of two, or null.</summary>
    public static Value? Other(LoweredNode? n, Value v) => n is not { Inputs.Length: 2 } ? null : n.Inputs[0] == v ? n.Inputs[1] : n.Inputs[1] == v ? n.Inputs[0] : null;

    /// <summary>What the wire is <paramref name="number"/> times of, or null.</summary>
    public Value? Multiple(Value? v, float number) => Producer(v) switch
    {
        { Node.Op: Mul } m => Is(m.Inputs[0], number) ? m.Inputs[1] : Is(m.Inputs[1], number) ? m.Inputs[0] : null,
        { Node.Op: Div } d => Is(d.Inputs[1], 1 / number) ? d.Inputs[0] : null,
        _ => null,
    };

    /// <summary>Puts a node in the place of <paramref name="last"/>, whose result it gives; leaves all as it is where there is no kernel for it.</summary>
    public void Replace(LoweredNode last, Operator op, Value?[] inputs) => Replace(last, new LoweredNode(new Node(last.Node.Name, op, inputs, [last.Outputs[0]]), inputs, [last.OutTypes[0]]) { Cost = last.Cost });

    /// <inheritdoc cref="Replace(LoweredNode, Operator, Value[])"/>
    public void Replace(LoweredNode last, LoweredNode node)
    {
        if (_kernels.Candidates(Fusion.Types(node, Segment)).Any()) _replaced[last] = node;
    }

    /// <summary>Does the replacements; nodes that nothing reads any more go.</summary>
    public void Finish()
    {
        if (_replaced.Count == 0) return;
        var nodes = Segment.Nodes;
        var read = new HashSet<Value>(_outputs);
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            if (_replaced.TryGetValue(nodes[i], out var node)) nodes[i] = node;
            if (!nodes[i].Outputs.Any(v => v is not null && read.Contains(v))) nodes.RemoveAt(i);
            else foreach (var v in nodes[i].Inputs) if (v is not null) read.Add(v);
        }
    }
}
