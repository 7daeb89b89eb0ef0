using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// d / √(mean(d²) + ε) · scale + bias over the last axes, as exporters wrote it before there was an operator, becomes LayerNormalization
/// where d = x − mean(x), RMSNormalization where d is any wire and there is no bias.
/// </summary>
internal static class LayerNormFusion
{
    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is Sqrt)) return;
        var g = new SegmentGraph(segment, kernels);
        foreach (var n in segment.Nodes)
            if (n.Node.Op is Sqrt && n.OutTypes[0] is { DType: DType.F32 }) Match(g, n);
        g.Finish();
    }

    private static void Match(SegmentGraph g, LoweredNode root)
    {
        if (Variance(g, root.Inputs[0]) is not var (d, axis, epsilon) || Fusion.TypeOf(d, g.Segment) is not { } type || Quotient(g, root) is not { } quotient || quotient.Other is not { } above) return;
        var x = Centered(g, d, axis);
        if (above != d && (x is null || Centered(g, above, axis) != x)) return;
        var row = new Shape(type.Shape.Dims[axis..]);
        if (quotient.Node.OutTypes[0] != type || Scaled(g, quotient.Node, row) is not var (scale, product) || product.OutTypes[0] != type) return;
        var attributes = new Attributes(23, new Dictionary<string, object> { ["axis"] = (long)(axis - type.Shape.Rank), ["epsilon"] = epsilon });
        if (x is null)
        {
            g.Replace(product, new RmsNormalization(attributes), [d, scale]);
            return;
        }
        bool shifted = g.Reader(product.Outputs[0]) is { Node.Op: Add } add && add.OutTypes[0] == type && Row(g, SegmentGraph.Other(add, product.Outputs[0]!), row);
        var last = shifted ? g.Reader(product.Outputs[0])! : product;
        g.Replace(last, new LayerNormalization(attributes), shifted ? [x, scale, SegmentGraph.Other(last, product.Outputs[0]!)] : [x, scale]);
    }

    // mean(d²) + ε.
    private static (Value D, int Axis, float Epsilon)? Variance(SegmentGraph g, Value? v)
    {
        if (g.Producer(v) is not { Node.Op: Add } sum) return null;
        int side = g.Number(sum.Inputs[1]) is null ? 0 : 1;
        if (g.Number(sum.Inputs[side]) is not { } epsilon || g.Producer(sum.Inputs[1 - side]) is not { Node.Op: ReduceMean } mean || Axis(g, mean) is not { } axis) return null;
        return g.Producer(mean.Inputs[0]) switch
        {
            { Node.Op: Pow } p when g.Is(p.Inputs[1], 2) => (p.Inputs[0]!, axis, epsilon),
            { Node.Op: Mul } m when m.Inputs[0] == m.Inputs[1] => (m.Inputs[0]!, axis, epsilon),
            _ => null,
        };
    }

    // First axis of a mean over the last ones that keeps the rank.
    private static int? Axis(SegmentGraph g, LoweredNode mean)
    {
        var x = Fusion.TypeOf(mean.Inputs[0]!, g.Segment)!.Shape;
        var axes = mean.Inputs.Length > 1 && mean.Inputs[1] is { } v ? v.ConstantTensor ?? g.Segment.Known.GetValueOrDefault(v) : null;
        if (mean.Inputs.Length > 1 && mean.Inputs[1] is not null && axes is null || mean.OutTypes[0]!.Shape.Rank != x.Rank) return null;
        if (((ReduceMean)mean.Node.Op).Reduced(x, axes?.ToLongs()) is not { } reduced) return null;
        int first = Array.IndexOf(reduced, true);
        return first >= 0 && !reduced.AsSpan(first).Contains(false) ? first : null;
    }

    // x of x − mean(x).
    private static Value? Centered(SegmentGraph g, Value d, int axis) =>
        g.Producer(d) is { Node.Op: Sub } s && g.Producer(s.Inputs[1]) is { Node.Op: ReduceMean } mean && mean.Inputs[0] == s.Inputs[0] && Axis(g, mean) == axis && Fusion.TypeOf(d, g.Segment) == Fusion.TypeOf(s.Inputs[0]!, g.Segment) ? s.Inputs[0] : null;

    // What is divided by the root, or multiplied by its inverse.
    private static (LoweredNode Node, Value? Other)? Quotient(SegmentGraph g, LoweredNode root)
    {
        var v = root.Outputs[0]!;
        var reader = g.Reader(v);
        if (reader?.Node.Op is Div && reader.Inputs[1] == v && g.Number(reader.Inputs[0]) != 1) return (reader, reader.Inputs[0]);
        bool inverse = reader?.Node.Op is Reciprocal || reader?.Node.Op is Div && reader.Inputs[1] == v;
        return inverse && g.Reader(reader!.Outputs[0]) is { Node.Op: Mul } product ? (product, SegmentGraph.Other(product, reader.Outputs[0]!)) : null;
    }

    private static (Value Scale, LoweredNode Product)? Scaled(SegmentGraph g, LoweredNode quotient, Shape row) =>
        g.Reader(quotient.Outputs[0]) is { Node.Op: Mul } product && SegmentGraph.Other(product, quotient.Outputs[0]!) is { } scale && Row(g, scale, row) ? (scale, product) : null;

    private static bool Row(SegmentGraph g, Value? v, Shape row) => v is not null && Fusion.TypeOf(v, g.Segment) is { DType: DType.F32 } t && t.Shape == row;
}
