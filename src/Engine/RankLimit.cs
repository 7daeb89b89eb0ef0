using Engine.Tensors;

namespace Engine;

/// <summary>How many ranks of each low-rank weight are used: the smaller of a number and a part of those stored.</summary>
/// <param name="Most">Most ranks.</param>
/// <param name="Part">Part of the ranks, above 0 and at most 1, rounded up.</param>
public readonly record struct RankLimit(int Most, double Part = 1)
{
    /// <summary>A part of the ranks of each weight.</summary>
    public static RankLimit OfPart(double part) => new(int.MaxValue, part);

    /// <summary>The weight with no more ranks than this; the same object where nothing changes.</summary>
    internal Weight Of(Weight w)
    {
        switch (w)
        {
            case LowRank l:
                return l.Prefix((int)Math.Min(Most, Math.Ceiling(l.Rank * Part)));
            case WeightSum s:
                var limit = this;
                Weight[] terms = [.. s.Terms.Select(t => limit.Of(t))];
                return terms.SequenceEqual(s.Terms) ? s : new WeightSum(terms);
            case Scaled s:
                return Of(s.Inner) is var scaled && scaled == s.Inner ? s : new Scaled(scaled, s.Row, s.Column);
            case Permuted p:
                return Of(p.Inner) is var permuted && permuted == p.Inner ? p : new Permuted(permuted, p.Order);
            default:
                return w;
        }
    }

    /// <summary>Throws <see cref="InputException"/> where it keeps nothing.</summary>
    internal void Require()
    {
        if (Most < 1 || Part is not (> 0 and <= 1)) throw new InputException($"a rank limit of {Most} ranks and {Part} of them: expected at least 1, and a part above 0 and at most 1");
    }
}
