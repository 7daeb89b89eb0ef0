using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine Log2Softmax(x [.., N]): the softmax p over the last axis as exponents, u8 q = round(−log2 p), ties to even, 16 (for zero) from 16 on. p̂ = 2^−q lies between p/√2
/// and p·√2; what becomes zero is below 2^−15.5. For <see cref="Log2MatMul"/>.
/// </summary>
public sealed class Log2Softmax(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Log2Softmax";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        if (c.Shape(0).Rank == 0) throw new OperatorException("a scalar has no rows");
        c.Set(0, DType.U8, c.Shape(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(20.0 * c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis == c.Type(0).Shape.Rank - 1, "it sums over the whole signal");
}

/// <summary>
/// engine Log2MatMul(q u8 [.., M, K], v i8 [.., K, N], scale f32?): Σk v[k, n] · 2^(15 − q[m, k]), zero where q is 16 or more, exact in 32 bits (wrapping beyond). Without a
/// scale the sums, i32; with one, a scalar or [N], f32 sums · scale · 2^−15. Batch axes are equal.
/// </summary>
public sealed class Log2MatMul(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Log2MatMul";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U8);
        c.Require(1, DType.I8);
        var (q, v) = (c.Shape(0), c.Shape(1));
        if (q.Rank < 2 || v.Rank != q.Rank || v[-2] != q[-1] || !v.Dims[..^2].SequenceEqual(q.Dims[..^2])) throw new OperatorException($"cannot multiply codes {q} by values {v}: [.., M, K] and [.., K, N] with equal batch axes expected");
        ScaleRule.Check(c, 2, v[-1]);
        c.Set(0, c.Has(2) ? DType.F32 : DType.I32, q.With(q.Rank - 1, v[-1]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2.0 * c.In(0).Elements * c.Shape(1)[-1], c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}

/// <summary>The optional factor of integer sums.</summary>
internal static class ScaleRule
{
    /// <summary>Throws unless input <paramref name="i"/> is absent, one f32, or one for each of <paramref name="columns"/>.</summary>
    public static void Check(InferContext c, int i, long columns)
    {
        if (!c.Has(i)) return;
        c.Require(i, DType.F32);
        var s = c.Shape(i);
        if (s.Rank > 1 || s.Elements != 1 && s.Elements != columns) throw new OperatorException($"scale of shape {s} is neither one nor a row of {columns}");
    }
}
