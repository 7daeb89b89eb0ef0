using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>What lies between a product of queries and keys and the softmax: scale, then hidden keys, then an addend, each perhaps left out.</summary>
internal sealed record ScoreChain(LoweredNode Product, Value Query, Value Key, float Scale, Value? Condition, HiddenKeys? Hidden, Value? Addend)
{
    /// <summary>The chain that ends in <paramref name="end"/> and that nobody else reads, or null.</summary>
    public static ScoreChain? Find(Value end, Shape scores, SegmentGraph graph)
    {
        return Back(end, 1, null, null, null);

        ScoreChain? Back(Value v, float scale, Value? condition, HiddenKeys? hidden, Value? addend)
        {
            if (graph.Reader(v) is null || graph.Producer(v) is not { } n || n.OutTypes[0]?.Shape != scores) return null;
            bool bare = scale == 1 && condition is null;
            switch (n.Node.Op)
            {
                case MatMul:
                    return new(n, n.Inputs[0]!, n.Inputs[1]!, scale, condition, hidden, addend);
                case FusedMatMul { IsPlain: true } m:
                    return new(n, n.Inputs[0]!, n.Inputs[1]!, scale * m.Alpha, condition, hidden, addend);
                case Div when graph.Number(n.Inputs[1]) is { } d:
                    return Back(n.Inputs[0]!, scale / d, condition, hidden, addend);
                case Mul when graph.Number(n.Inputs[1]) is { } m:
                    return Back(n.Inputs[0]!, scale * m, condition, hidden, addend);
                case Mul when graph.Number(n.Inputs[0]) is { } m:
                    return Back(n.Inputs[1]!, scale * m, condition, hidden, addend);
                case Add when bare && addend is null:
                    return Plus(n.Inputs[0]!, n.Inputs[1]!) ?? Plus(n.Inputs[1]!, n.Inputs[0]!);
                case Where when bare && graph.Number(n.Inputs[2]) is { } fill:
                    return Back(n.Inputs[1]!, 1, n.Inputs[0], new(false, fill), addend);
                case Where when bare && graph.Number(n.Inputs[1]) is { } fill:
                    return Back(n.Inputs[2]!, 1, n.Inputs[0], new(true, fill), addend);
                default:
                    return null;
            }
        }

        ScoreChain? Plus(Value x, Value mask) => Fusion.TypeOf(mask, graph.Segment) is { DType: DType.F32 } ? Back(x, 1, null, null, mask) : null;
    }
}
