using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>The nodes with which a model says sign(x), as exporters write it: −1 and +1, and 0 for 0 where it is Sign itself.</summary>
/// <param name="X">What the sign is taken of.</param>
/// <param name="Nodes">The nodes between, the last of which makes the sign.</param>
/// <param name="Threshold">y is −1 where x lies below it (direction 1) or above it (direction −1).</param>
/// <param name="Direction">1 or −1.</param>
/// <param name="HasZero">True where x = 0 gives 0, which is neither.</param>
internal sealed record SignPattern(Value X, IReadOnlyList<Node> Nodes, float Threshold, int Direction, bool HasZero)
{
    /// <summary>The sign that <paramref name="last"/> makes, or null.</summary>
    public static SignPattern? Of(Node last, Wiring wiring)
    {
        if (last.Outputs is not [{ Quantization: null }]) return null;
        switch (last.Op)
        {
            case BinarySign s when last.Input(0) is { Constant: null } x && (last.Input(1) is null || Number(last.Input(1)) is not null):
                return new(x, [last], Number(last.Input(1)) ?? 0, s.Direction, false);
            case Sign when last.Input(0) is { Constant: null } x:
                return Unclipped(new(x, [last], 0, 1, true), wiring);
            case Where when last.Input(0) is { } condition && Number(last.Input(1)) is { } yes && Number(last.Input(2)) is { } no && wiring.Before(condition) is { } comparison:
                return Compared(comparison, yes, no, [comparison, last]);
            case Add or Sub or Mul when Affine(last, wiring) is { } a && wiring.Before(a.Of) is { Op: Cast { To: DType.F32 } } cast && wiring.Before(cast.Inputs[0]!) is { } truth:
                return Compared(truth, a.Factor + a.Shift, a.Shift, [truth, cast, .. a.Nodes]);
            default:
                return null;
        }
    }

    // Clipping around 0 keeps the sign.
    private static SignPattern Unclipped(SignPattern p, Wiring wiring)
    {
        if (wiring.Before(p.X) is not { Op: Clip clip } n || n.Input(0) is not { } x) return p;
        float? low = clip.HasBounds ? clip.Low : n.Input(1) is null ? float.NegativeInfinity : Number(n.Input(1)), high = clip.HasBounds ? clip.High : n.Input(2) is null ? float.PositiveInfinity : Number(n.Input(2));
        return low < 0 && high > 0 ? p with { X = x, Nodes = [n, .. p.Nodes] } : p;
    }

    // x compared with a number, and what is given where that holds and where not.
    private static SignPattern? Compared(Node n, float yes, float no, IReadOnlyList<Node> nodes)
    {
        if (Math.Abs(yes) != 1 || yes != -no) return null;
        bool turned = Number(n.Input(0)) is not null;
        if (Number(n.Input(turned ? 0 : 1)) is not { } t || n.Input(turned ? 1 : 0) is not { Constant: null } x || !float.IsFinite(t)) return null;
        var (above, equal) = n.Op switch
        {
            Greater => (true, false),
            GreaterOrEqual => (true, true),
            Less => (false, false),
            LessOrEqual => (false, true),
            _ => ((bool?)null, false),
        };
        if (above is not { } up) return null;
        if (turned) up = !up;
        // Where the comparison holds above t, the values below get the other one; t itself belongs to one side or the other.
        bool minusBelow = up == (yes > 0);
        bool thresholdIsMinus = equal == (yes < 0);
        float threshold = !thresholdIsMinus ? t : minusBelow ? MathF.BitIncrement(t) : MathF.BitDecrement(t);
        return new(x, nodes, threshold, minusBelow ? 1 : -1, false);
    }

    // y = factor · x + shift by one or two nodes with numbers.
    private static (Value Of, float Factor, float Shift, IReadOnlyList<Node> Nodes)? Affine(Node last, Wiring wiring)
    {
        if (One(last) is not { } a) return null;
        if (wiring.Before(a.Of) is { Op: Add or Sub or Mul } inner && One(inner) is { } b) return (b.Of, b.Factor * a.Factor, b.Shift * a.Factor + a.Shift, [inner, last]);
        return (a.Of, a.Factor, a.Shift, [last]);
    }

    private static (Value Of, float Factor, float Shift)? One(Node n)
    {
        bool first = Number(n.Input(0)) is not null;
        if (Number(n.Input(first ? 0 : 1)) is not { } c || n.Input(first ? 1 : 0) is not { Constant: null } x) return null;
        return n.Op switch
        {
            Mul => (x, c, 0),
            Add => (x, 1, c),
            Sub => first ? (x, -1, c) : (x, 1, -c),
            _ => null,
        };
    }

    private static float? Number(Value? v) => v?.ConstantTensor is { DType: DType.F32, Shape.Elements: 1 } t ? t.Span<float>()[0] : null;
}
