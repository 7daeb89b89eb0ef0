using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Signs that are taken of the f32 results of a binary layer become a second output of it, made where those are stored.</summary>
internal static class SignFusion
{
    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        var nodes = segment.Nodes;
        var makers = new Dictionary<Value, int>();
        for (int i = 0; i < nodes.Count; i++)
            foreach (var v in nodes[i].Outputs) if (v is not null) makers[v] = i;
        var gone = new HashSet<LoweredNode>();
        foreach (var sign in nodes.ToArray())
        {
            if (sign.Node.Op is not BinarySign || sign.Node.Epilogue.Count > 0 || sign.Outputs is not [{ Quantization: null } bits] || sign.Inputs[0] is not { Quantization: null } x || !makers.TryGetValue(x, out int at)) continue;
            if (nodes[at] is not { Node.Op: BinaryConv, Outputs: [{ } only] } layer || only != x) continue;
            if (Join(layer, sign, bits, segment, kernels) is not { } joined) continue;
            nodes[at] = joined;
            gone.Add(sign);
        }
        nodes.RemoveAll(gone.Contains);
    }

    private static LoweredNode? Join(LoweredNode layer, LoweredNode sign, Value bits, LoweredSegment segment, KernelRegistry kernels)
    {
        List<Value?> inputs = [.. layer.Inputs];
        int operand = -1;
        if (sign.Inputs.ElementAtOrDefault(1) is { } threshold)
        {
            if (Fusion.Number(threshold, segment) is null) return null;
            // Behind the operands that the layer may have of its own.
            while (inputs.Count < BinaryConv.MostInputs) inputs.Add(null);
            operand = inputs.Count;
            inputs.Add(threshold);
        }
        var node = new Node(layer.Node.Name, layer.Node.Op, inputs, [layer.Outputs[0], bits]) { Epilogue = [.. layer.Node.Epilogue, new EpilogueStep(sign.Node.Op, operand)] };
        var joined = new LoweredNode(node, [.. inputs], [layer.OutTypes[0], sign.OutTypes[0]]) { Cost = layer.Cost + new Cost(sign.Cost.Operations, 0), NotFused = layer.NotFused };
        return kernels.Candidates(Fusion.Types(joined, segment)).Any(c => c.FusesEpilogue) ? joined : null;
    }
}
