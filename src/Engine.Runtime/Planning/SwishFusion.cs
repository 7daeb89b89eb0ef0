using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>x · sigmoid(x), known as SiLU, and x · sigmoid(1.702 · x) become one activation, which fuses into convolutions and products.</summary>
internal static class SwishFusion
{
    private const float Quick = 1.702f;

    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is Sigmoid)) return;
        var g = new SegmentGraph(segment, kernels);
        foreach (var n in segment.Nodes)
        {
            if (n.Node.Op is not Sigmoid || n.OutTypes[0] is not { DType: DType.F32 } type || n.Node.Epilogue.Count > 0) continue;
            if (g.Reader(n.Outputs[0]) is not { Node.Op: Mul } product || SegmentGraph.Other(product, n.Outputs[0]!) is not { } x || Fusion.TypeOf(x, segment) != type) continue;
            float? alpha = n.Inputs[0] == x ? 1 : g.Multiple(n.Inputs[0], Quick) == x ? Quick : null;
            if (alpha is { } a) g.Replace(product, new QuickGelu(new Attributes(1, new Dictionary<string, object> { ["alpha"] = a })), [x]);
        }
        g.Finish();
    }
}
