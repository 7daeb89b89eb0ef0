using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft QGemm(A, a_scale, a_zero, B, b_scale, b_zero, C?, y_scale?, y_zero?): α · A'·B' + C over 8-bit operands; C is i32 at
/// scale α · sa · sb, broadcast to [M, N]; B's scale and zero point are scalars or a column. Without y_scale the result is f32.
/// </summary>
public sealed class QGemm(Attributes a) : Operator(a)
{
    private readonly bool _transA = a.Bool("transA"), _transB = a.Bool("transB");

    /// <inheritdoc/>
    public override string Name => "QGemm";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Factor of the product.</summary>
    public float Alpha { get; } = a.Float("alpha", 1);

    /// <summary>How the operands are read.</summary>
    public MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b, _transA, _transB);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        foreach (int i in (ReadOnlySpan<int>)[0, 3]) c.Require(i, DType.U8, DType.I8);
        c.RequireRank(0, 2);
        c.RequireRank(3, 2);
        c.RequireSame(0, 2);
        c.RequireSame(3, 5);
        QuantRules.RequireScale(c, 1);
        QuantRules.RequireOne(c, 2);
        c.Require(4, DType.F32);
        var g = Geometry(c.Shape(0), c.Shape(3));
        ProductRules.ColumnsFit(c, 4, g);
        ProductRules.ColumnsFit(c, 5, g);
        if (c.Has(6))
        {
            c.Require(6, DType.I32);
            if (Shape.Broadcast(c.Shape(6), g.Output) != g.Output) throw new OperatorException($"input 6 of shape {c.Shape(6)} cannot be broadcast to the result {g.Output}");
        }
        if (!c.Has(7))
        {
            c.Set(0, DType.F32, g.Output);
            return;
        }
        QuantRules.RequireScale(c, 7);
        QuantRules.RequireOne(c, 8);
        if (c.Has(8)) c.Require(8, DType.U8, DType.I8);
        c.Set(0, c.Has(8) ? c.DType(8) : c.DType(0), g.Output);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(3)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
