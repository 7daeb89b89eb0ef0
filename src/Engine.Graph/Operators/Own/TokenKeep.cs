using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine TokenKeep(p [.., H, T, K]): which of T tokens go on to the next layer, i64 [.., T − ⌊T · ratio⌋], rising, for Gather. A token's score is the sum over heads of the attention
/// it pays to the first key, Σh p[h, t, 0]; the ⌊T · ratio⌋ tokens of the smallest scores are dropped, of equal ones the earlier, the last token never. A decode step, T = 1, drops none.
/// </summary>
public sealed class TokenKeep(Attributes a) : Operator(a)
{
    /// <summary>Part of the tokens to drop, in [0, 1).</summary>
    public float Ratio { get; } = a.Float("ratio", 0) is var r and >= 0 and < 1 ? r : throw new OperatorException($"ratio is {a.Float("ratio", 0)}, expected at least 0 and less than 1");

    /// <inheritdoc/>
    public override string Name => "TokenKeep";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>Tokens kept of <paramref name="tokens"/>.</summary>
    public long Kept(long tokens) => tokens - Math.Min((long)(tokens * (double)Ratio), Math.Max(0, tokens - 1));

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        var p = c.Shape(0);
        if (p.Rank < 3 || p[-1] == 0) throw new OperatorException($"probabilities of shape {p} are not [.., heads, tokens, keys] with a first key");
        c.Set(0, DType.I64, new Shape([.. p.Dims[..^3], Kept(p[-2])]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new((double)c.In(0).Elements / c.Shape(0)[-1], 4.0 * c.In(0).Elements / c.Shape(0)[-1]);
}
