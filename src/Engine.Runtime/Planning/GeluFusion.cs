using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>½ · x · (1 + erf(x / √2)), and its approximation ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), become Gelu, which fuses into products.</summary>
internal static class GeluFusion
{
    private const float RootHalf = 0.70710678f, RootTwoByPi = 0.79788456f, Cubic = 0.044715f;

    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is Erf or Tanh)) return;
        var g = new SegmentGraph(segment, kernels);
        foreach (var n in segment.Nodes)
        {
            if (n.Node.Op is not (Erf or Tanh) || n.OutTypes[0] is not { DType: DType.F32 } type || n.Node.Epilogue.Count > 0) continue;
            bool tanh = n.Node.Op is Tanh;
            if ((tanh ? Cube(g, n.Inputs[0]!) : g.Multiple(n.Inputs[0], RootHalf)) is not { } x || Fusion.TypeOf(x, segment) != type) continue;
            if (Last(g, n, x) is { } last && last.OutTypes[0] == type) g.Replace(last, new Gelu(new Attributes(20, new Dictionary<string, object> { ["approximate"] = tanh ? "tanh" : "none" })), [x]);
        }
        g.Finish();
    }

    // x of √(2/π) · (x + 0.044715 · x³).
    private static Value? Cube(SegmentGraph g, Value v)
    {
        if (g.Producer(g.Multiple(v, RootTwoByPi)) is not { Node.Op: Add } sum) return null;
        for (int i = 0; i < 2; i++)
        {
            var x = sum.Inputs[i]!;
            var power = g.Producer(g.Multiple(sum.Inputs[1 - i], Cubic));
            if (power?.Node.Op is Pow && power.Inputs[0] == x && g.Is(power.Inputs[1], 3)) return x;
            if (power?.Node.Op is Mul && SegmentGraph.Other(power, x) is { } rest && g.Producer(rest) is { Node.Op: Mul } square && square.Inputs[0] == x && square.Inputs[1] == x) return x;
        }
        return null;
    }

    // The node that completes ½ · x · (1 + f), the three factors multiplied in any order.
    private static LoweredNode? Last(SegmentGraph g, LoweredNode f, Value x)
    {
        if (g.Reader(f.Outputs[0]) is not { Node.Op: Add } sum || !g.Is(SegmentGraph.Other(sum, f.Outputs[0]!), 1)) return null;
        if (g.Reader(sum.Outputs[0]) is not { Node.Op: Mul } first || SegmentGraph.Other(first, sum.Outputs[0]!) is not { } other) return null;
        if (g.Multiple(other, 0.5f) == x) return first;
        if (g.Reader(first.Outputs[0]) is not { } second) return null;
        if (other == x) return g.Multiple(second.Outputs[0], 0.5f) == first.Outputs[0] ? second : null;
        return second.Node.Op is Mul && g.Is(other, 0.5f) && SegmentGraph.Other(second, first.Outputs[0]!) == x ? second : null;
    }
}
