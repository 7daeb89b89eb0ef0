using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>What lies between a product of queries and keys and the softmax: scale, then hidden keys, then an addend, each perhaps left out.</summary>
internal sealed record ScoreChain(LoweredNode Product, Value Query, Value Key, float Scale, Value? Condition, HiddenKeys? Hidden, Value? Addend)
{
    /// <summary>The chain that ends in <paramref name="end"/>, or null; <paramref name="inner"/> says which wires nobody else reads.</summary>
    public static ScoreChain? Find(Value end, Shape scores, LoweredSegment segment, IReadOnlyDictionary<Value, LoweredNode> producers, Func<Value, bool> inner)
    {
        return Back(end, 1, null, null, null);

        ScoreChain? Back(Value v, float scale, Value? condition, HiddenKeys? hidden, Value? addend)
        {
            if (!inner(v) || segment.Known.ContainsKey(v) || !producers.TryGetValue(v, out var n) || n.Node.Epilogue.Count > 0 || Fusion.TypeOf(v, segment)?.Shape != scores) return null;
            bool bare = scale == 1 && condition is null;
            switch (n.Node.Op)
            {
                case MatMul:
                    return new(n, n.Inputs[0]!, n.Inputs[1]!, scale, condition, hidden, addend);
                case FusedMatMul { IsPlain: true } m:
                    return new(n, n.Inputs[0]!, n.Inputs[1]!, scale * m.Alpha, condition, hidden, addend);
                case Div when Fusion.Number(n.Inputs[1], segment) is { } d:
                    return Back(n.Inputs[0]!, scale / d, condition, hidden, addend);
                case Mul when Fusion.Number(n.Inputs[1], segment) is { } m:
                    return Back(n.Inputs[0]!, scale * m, condition, hidden, addend);
                case Mul when Fusion.Number(n.Inputs[0], segment) is { } m:
                    return Back(n.Inputs[1]!, scale * m, condition, hidden, addend);
                case Add when bare && addend is null:
                    return Plus(n.Inputs[0]!, n.Inputs[1]!) ?? Plus(n.Inputs[1]!, n.Inputs[0]!);
                case Where when bare && Fusion.Number(n.Inputs[2], segment) is { } fill:
                    return Back(n.Inputs[1]!, 1, n.Inputs[0], new(false, fill), addend);
                case Where when bare && Fusion.Number(n.Inputs[1], segment) is { } fill:
                    return Back(n.Inputs[2]!, 1, n.Inputs[0], new(true, fill), addend);
                default:
                    return null;
            }
        }

        ScoreChain? Plus(Value x, Value mask) => Fusion.TypeOf(mask, segment) is { DType: DType.F32 } ? Back(x, 1, null, null, mask) : null;
    }
}
