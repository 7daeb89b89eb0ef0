using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Recognizes attention as exporters write it, product, scale, mask, softmax, product with transpositions around them, and makes one node
/// of it that reads and writes heads where they lie. Runs on concrete types: shapes that a model computes are numbers by then.
/// </summary>
internal sealed class AttentionFusion
{
    private readonly LoweredSegment _segment;
    private readonly SegmentGraph _graph;
    private readonly StridedViews _views;

    private AttentionFusion(LoweredSegment segment, KernelRegistry kernels)
    {
        (_segment, _graph) = (segment, new SegmentGraph(segment, kernels));
        _views = new StridedViews(_graph);
    }

    /// <summary>Fuses every attention of the segment; nodes that nothing reads any more go.</summary>
    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is Softmax)) return;
        var fusion = new AttentionFusion(segment, kernels);
        foreach (var n in segment.Nodes)
            if (n.Node.Op is Softmax && fusion.Match(n) is var (last, node)) fusion._graph.Replace(last, node);
        fusion._graph.Finish();
    }

    private (LoweredNode, LoweredNode)? Match(LoweredNode softmax)
    {
        if (softmax.OutTypes[0] is not { DType: DType.F32, Shape.Rank: >= 2 and <= 4 } type || type.Elements == 0) return null;
        var scores = type.Shape;
        var (_, length, inner) = ((Softmax)softmax.Node.Op).Split(scores);
        if (inner != 1 || length != scores[-1] || _graph.Reader(softmax.Outputs[0]) is not { Node.Op: MatMul } product || product.Inputs[0] != softmax.Outputs[0]) return null;
        if (ScoreChain.Find(softmax.Inputs[0]!, scores, _graph) is not { } chain) return null;
        StridedView q = _views.Of(chain.Query, true), k = _views.Of(chain.Key, true), v = _views.Of(product.Inputs[1]!);
        var output = product.OutTypes[0]!.Shape;
        if (q.Dims.Length < 2 || k.Dims.Length < 2 || v.Dims.Length < 2 || output.Rank != scores.Rank || Lead(output) != Lead(scores)) return null;
        long valueWidth = output[-1];
        var (last, split, target) = Target(product, output);

        long heads = split ?? (scores.Rank < 3 ? 1 : scores[-3]), batch = scores.Elements / (scores[-1] * scores[-2] * heads);
        HeadLayout Layout(StridedView x, long rows, long columns, bool transposed)
        {
            var s = StridedViews.Broadcast(x, new Shape([.. scores.ToArray()[..^2], transposed ? columns : rows, transposed ? rows : columns])).Strides;
            long head = s.Length < 3 ? 0 : s[^3];
            return new(x.Offset, s.Length == 4 ? s[0] : heads * head, head, transposed ? s[^1] : s[^2], transposed ? s[^2] : s[^1]);
        }

        StridedView? bias = chain.Addend is null ? null : _views.Of(chain.Addend), flags = chain.Condition is null ? null : _views.Of(chain.Condition);
        var op = new StridedAttention(_segment.Types[target].Shape, Checked.Int(batch), Checked.Int(heads), scores.Int(-2), scores.Int(-1), Checked.Int(q.Dims[^1]), Checked.Int(valueWidth), chain.Scale * q.Factor * k.Factor)
        {
            Inputs = [Layout(q, scores[-2], q.Dims[^1], false), Layout(k, scores[-1], q.Dims[^1], true), Layout(v, scores[-1], valueWidth, false),
                bias is null ? null : Layout(bias, scores[-2], scores[-1], false), flags is null ? null : Layout(flags, scores[-2], scores[-1], false)],
            Output = OutputLayout(output, last, split),
            Hidden = chain.Hidden,
        };
        Value?[] inputs = [q.Root, k.Root, v.Root, bias?.Root, flags?.Root];
        var node = new LoweredNode(new Node(softmax.Node.Name, op, inputs, [target]), inputs, [_segment.Types[target]]) { Cost = product.Cost + softmax.Cost + chain.Product.Cost };
        return (last, node);
    }

    private static Shape Lead(Shape s) => new(s.Dims[..^2]);

    // The last node to take in: a transposition of the product, perhaps after a view that splits its first axis in batch and heads.
    private (LoweredNode Last, long? Heads, Value Wire) Target(LoweredNode product, Shape output)
    {
        var wire = product.Outputs[0]!;
        var next = _graph.Reader(wire);
        long? heads = null;
        if (next is { Node.Op.Kind: OperatorKind.View } && output.Rank == 3 && next.OutTypes[0] is { Shape.Rank: 4 } view && view.Shape[2] == output[1] && view.Shape[3] == output[2])
        {
            heads = view.Shape[1];
            next = _graph.Reader(next.Outputs[0]);
        }
        if (next?.Node.Op is Transpose t && next.OutTypes[0] is { } type && t.Permutation(type.Shape.Rank) is var order && order[^1] == order.Length - 1) return (next, heads, next.Outputs[0]!);
        return (product, null, wire);
    }

    private static HeadLayout OutputLayout(Shape output, LoweredNode last, long? split)
    {
        var dims = split is { } heads ? [output[0] / heads, heads, output[1], output[2]] : output.ToArray();
        var strides = new Shape(dims).Strides();
        if (last.Node.Op is Transpose t)
        {
            var order = t.Permutation(dims.Length);
            var own = last.OutTypes[0]!.Shape.Strides();
            for (int i = 0; i < order.Length; i++) strides[order[i]] = own[i];
        }
        long head = dims.Length < 3 ? 0 : strides[^3];
        return new(0, dims.Length == 4 ? strides[0] : 0, head, strides[^2], 1);
    }
}
