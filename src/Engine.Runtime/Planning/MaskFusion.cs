using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Convolutions whose outputs are multiplied by a mask of channels, one of its own for each sample, compute only what the mask keeps; those that read such outputs, as they are or
/// through pools and ReLU, read only that. Masks are truth values cast to numbers, the positive ones of Sign and Relu, or the condition of a Where with zeros.
/// </summary>
internal static class MaskFusion
{
    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is Conv) || !segment.Nodes.Any(n => n.Node.Op is Cast or Sign or Where)) return;
        var g = new SegmentGraph(segment, kernels);
        // Wires with zeros in the channels that a mask drops.
        var masks = new Dictionary<Value, Value>();
        foreach (var n in segment.Nodes)
        {
            if (n.Outputs is not [{ } y]) continue;
            if (Masked(g, n) is { } m)
            {
                masks[y] = m.Mask;
                if (Chain.Back(g, m.Of, n) is { } chain) chain.Replace(g, n, m.Mask, masks.GetValueOrDefault(chain.X));
                else if (Convolution(g, m.Of) is { } conv) conv.NotFused = UnusedForm.OfMask(conv);
            }
            else if (n.Node.Op is Conv && n.Inputs[0] is { } x && masks.TryGetValue(x, out var mask))
            {
                var last = Forward(g, n);
                if (g.Reader(last.Outputs[0]) is not { } reader || Masked(g, reader) is null) Chain.Back(g, last.Outputs[0]!, null)?.Replace(g, last, null, mask);
            }
            else if (n.Node.Op is MaxPool or AveragePool or GlobalAveragePool or Relu && n.Inputs[0] is { } from && masks.TryGetValue(from, out var same)) masks[y] = same;
        }
        g.Finish();
    }

    // The convolution behind additions and ReLU, whatever its weights and wires are.
    private static LoweredNode? Convolution(SegmentGraph g, Value? v) => v is null || g.Maker(v) is not { } n ? null : n.Node.Op switch
    {
        Conv => n,
        Relu => Convolution(g, n.Inputs[0]),
        Add => Convolution(g, n.Inputs[0]) ?? Convolution(g, n.Inputs[1]),
        _ => null,
    };

    // The last node of convolution, residual, ReLU.
    private static LoweredNode Forward(SegmentGraph g, LoweredNode conv)
    {
        var last = conv;
        if (g.Reader(last.Outputs[0]) is { Node.Op: Add } sum && SegmentGraph.Other(sum, last.Outputs[0]!) is { Constant: null } other && Fusion.TypeOf(other, g.Segment) == conv.OutTypes[0] && sum.OutTypes[0] == conv.OutTypes[0]) last = sum;
        return g.Reader(last.Outputs[0]) is { Node.Op: Relu } relu ? relu : last;
    }

    // What a node multiplies by a mask of its channels, and the mask: truth values, or numbers that keep where they are above 0.
    private static (Value Of, Value Mask)? Masked(SegmentGraph g, LoweredNode n)
    {
        if (n.OutTypes[0] is not { DType: DType.F32, Shape.Rank: > 2 } type) return null;
        if (n is { Node.Op: Where, Inputs: [{ } condition, { } kept, { } dropped] } && g.Number(dropped) == 0 && IsMask(g, condition, type.Shape) && Fusion.TypeOf(kept, g.Segment) == type) return (kept, condition);
        if (n.Node.Op is not Mul) return null;
        for (int i = 0; i < 2; i++)
            if (n.Inputs[i] is { } m && n.Inputs[1 - i] is { } of && Fusion.TypeOf(of, g.Segment) == type && Binary(g, m, type.Shape) is { } mask) return (of, mask);
        return null;
    }

    private static Value? Binary(SegmentGraph g, Value v, Shape of)
    {
        if (!IsMask(g, v, of)) return null;
        return g.Producer(v) switch
        {
            { Node.Op: Cast, Inputs: [{ } truth] } when Fusion.TypeOf(truth, g.Segment) is { DType: DType.Bool } => truth,
            { Node.Op: Relu, Inputs: [{ } sign] } when g.Producer(sign) is { Node.Op: Sign, Inputs: [{ } number] } && Fusion.TypeOf(number, g.Segment) is { DType: DType.F32 } => number,
            { Node.Op.Kind: OperatorKind.View, Inputs: [{ } flat, ..] } => Binary(g, flat, of),
            _ => null,
        };
    }

    private static bool IsMask(SegmentGraph g, Value v, Shape of) => Fusion.TypeOf(v, g.Segment) is { Shape: { Rank: > 1 } s } && s.Rank <= of.Rank && s[0] == of[0] && s[1] == of[1] && s.Product(2, s.Rank) == 1;

    /// <summary>A convolution, what is added to it, and whether ReLU follows.</summary>
    private sealed record Chain(LoweredNode First, Value? Residual, bool Relu)
    {
        public Value X => First.Inputs[0]!;

        /// <summary>The chain that makes <paramref name="y"/>, whose only reader is <paramref name="reader"/>, or anything where that is null.</summary>
        public static Chain? Back(SegmentGraph g, Value y, LoweredNode? reader)
        {
            LoweredNode? Maker(Value v, LoweredNode? by) => by is null || g.Reader(v) == by ? g.Producer(v) : null;
            if (Maker(y, reader) is not { } at) return null;
            bool relu = at.Node.Op is Relu;
            if (relu && Maker(at.Inputs[0]!, at) is { } before) at = before;
            Value? residual = null;
            if (at.Node.Op is Add)
                for (int i = 0; i < 2; i++)
                    if (at.Inputs[i] is { } v && at.Inputs[1 - i] is { Constant: null } other && v != other && Maker(v, at) is { Node.Op: Conv } conv && conv.OutTypes[0] == at.OutTypes[0] && Fusion.TypeOf(other, g.Segment) == at.OutTypes[0])
                    {
                        (residual, at) = (other, conv);
                        break;
                    }
            return at is { Node.Op: Conv { Group: 1 } } c && c.Inputs[0] is { Constant: null, Quantization: null } && c.Inputs[1]?.Constant is Dense or Quantized && c.OutTypes[0]!.DType == DType.F32 ? new(at, residual, relu) : null;
        }

        public void Replace(SegmentGraph g, LoweredNode last, Value? outMask, Value? inMask)
        {
            if (last.OutTypes[0] is not { Shape.Rank: 4 }) return;
            var attributes = First.Node.Op.Attributes;
            g.Replace(last, new MaskedConv(Relu ? attributes.With("activation", "Relu") : attributes), [X, First.Inputs[1], First.Inputs.ElementAtOrDefault(2), outMask, inMask, Residual]);
        }
    }
}
