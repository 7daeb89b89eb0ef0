using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Moves elementwise steps into the epilogue of the node before them, where a kernel offers to apply them: activation, bias, residual.
/// Runs on concrete types, so that a residual is fused only where no broadcast is meant.
/// </summary>
internal static class Fusion
{
    private const int OwnInputs = 3;

    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        var uses = new Dictionary<Value, int>();
        foreach (var n in segment.Nodes)
            foreach (var v in n.Inputs)
                if (v is not null) uses[v] = uses.GetValueOrDefault(v) + 1;
        foreach (var v in segment.Outputs) uses[v] = uses.GetValueOrDefault(v) + 2;
        var position = new Dictionary<Value, int>();
        var nodes = segment.Nodes;
        for (int i = 0; i < nodes.Count; i++)
            foreach (var v in nodes[i].Outputs) if (v is not null) position[v] = i;

        var gone = new HashSet<LoweredNode>();
        for (int i = 0; i < nodes.Count; i++)
        {
            var follower = nodes[i];
            if (!follower.Node.Op.IsElementwise || follower.Node.Epilogue.Count > 0 || follower.Outputs.Count != 1 || follower.OutTypes[0] is not { DType: DType.F32 } type) continue;
            for (int side = 0; side < Math.Min(2, follower.Inputs.Length); side++)
            {
                if (follower.Inputs[side] is not { } x || uses.GetValueOrDefault(x) != 1 || !position.TryGetValue(x, out int at) || gone.Contains(nodes[at])) continue;
                var linear = nodes[at];
                if (linear.Outputs.Count(o => o is not null) != 1 || linear.Outputs[0] != x || linear.OutTypes[0] != type) continue;
                if (x.Quantization is not null) continue;
                if (Extend(linear, follower, side, segment, kernels) is not { } fused) continue;
                // The fused node takes the follower's place, so that a residual computed in between is there.
                nodes[i] = fused;
                gone.Add(linear);
                position[follower.Outputs[0]!] = i;
                break;
            }
        }
        nodes.RemoveAll(gone.Contains);
    }

    private static LoweredNode? Extend(LoweredNode linear, LoweredNode follower, int side, LoweredSegment segment, KernelRegistry kernels)
    {
        var op = follower.Node.Op;
        var inputs = linear.Inputs.ToList();
        EpilogueStep step;
        var others = follower.Inputs.Where((_, i) => i != side).OfType<Value>().ToList();
        if (others.Count == 0) step = new EpilogueStep(op);
        else if (op is { Name: "Add", Domain: "" } && others.Count == 1 && TypeOf(others[0], segment) is { DType: DType.F32 } && others[0] != linear.Outputs[0])
        {
            // Operands of epilogues stand behind the operator's own, the optional bias included.
            while (inputs.Count < OwnInputs) inputs.Add(null);
            step = new EpilogueStep(op, inputs.Count);
            inputs.Add(others[0]);
        }
        else return null;
        var node = new Node(linear.Node.Name, linear.Node.Op, inputs, follower.Node.Outputs) { Epilogue = [.. linear.Node.Epilogue, step] };
        var fused = new LoweredNode(node, [.. inputs], follower.OutTypes) { Cost = linear.Cost + new Cost(follower.Cost.Operations, 0), NotFused = linear.NotFused };
        var types = Types(fused, segment);
        return kernels.Candidates(types).Any(c => c.FusesEpilogue) ? fused : null;
    }

    public static TensorType? TypeOf(Value v, LoweredSegment s) => v.Constant is { } w ? new TensorType(w.DType, w.Shape) : s.Types.GetValueOrDefault(v);

    /// <summary>The one f32 number that a wire is known to hold, or null.</summary>
    public static float? Number(Value? v, LoweredSegment s) => v is not null && (v.ConstantTensor ?? s.Known.GetValueOrDefault(v)) is { DType: DType.F32, Shape.Elements: 1 } t ? t.Span<float>()[0] : null;

    /// <summary>The node as candidates see it. Encoded weights are no values: kernels decode what they do not take as it is.</summary>
    public static NodeTypes Types(LoweredNode n, LoweredSegment s) => new(n.Node,
        [.. n.Inputs.Select(v => v is null ? null : TypeOf(v, s))], n.OutTypes,
        [.. n.Inputs.Select(v => v is null ? null : v.Constant is { } w ? (w as Dense)?.Values : s.Known.GetValueOrDefault(v))],
        [.. n.Inputs.Select(v => v is null ? null : v.Constant ?? (s.Known.TryGetValue(v, out var t) ? new Dense(t) : null))])
    {
        InputQuantization = [.. n.Inputs.Select(v => v?.Quantization)],
        OutputQuantization = [.. n.Outputs.Select(v => v?.Quantization)],
    };
}
