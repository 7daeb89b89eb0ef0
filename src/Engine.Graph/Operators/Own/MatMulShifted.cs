using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine MatMulShifted(a u8/i8 [.., M, K], b i8 [K, N], shifts u8 [K], a_zero_point?, scale f32?): Σk (a − zero) · b · 2^shift[k], exact in 32 bits (wrapping beyond), for
/// activations whose channel scales are a base times powers of two: TRIP with scale_c = base · 2^shift, and ShiftQuant with scale_g = base · 2^(G − g). Shifts are at most 15, the zero
/// point is a scalar of a's type. Without a scale the sums, i32; with one, a scalar or [N], f32 sums · scale.
/// </summary>
public sealed class MatMulShifted(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MatMulShifted";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U8, DType.I8);
        c.Require(1, DType.I8);
        c.Require(2, DType.U8);
        c.RequireSame(0, 3);
        var (x, b) = (c.Shape(0), c.Shape(1));
        if (x.Rank < 2 || b.Rank != 2 || b[0] != x[-1]) throw new OperatorException($"cannot multiply {x} by {b}: [.., M, K] and [K, N] expected");
        if (c.Shape(2).Rank != 1 || c.Shape(2)[0] != b[0]) throw new OperatorException($"shifts of shape {c.Shape(2)} do not fit {b[0]} channels");
        if (c.Has(3) && c.Shape(3).Elements != 1) throw new OperatorException($"zero point of shape {c.Shape(3)} is not one value");
        ScaleRule.Check(c, 4, b[1]);
        c.Set(0, c.Has(4) ? DType.F32 : DType.I32, x.With(x.Rank - 1, b[1]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2.0 * c.In(0).Elements * c.Shape(1)[1], c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
