using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft MatMulIntegerToFloat(A, B, a_scale, b_scale, a_zero?, b_zero?, bias?): the f32 product of 8-bit A [.., M, K] and
/// B [.., K, N], times sa · sb, plus the bias [N]. B's scale and zero point are scalars or a column.
/// </summary>
public sealed class MatMulIntegerToFloat(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MatMulIntegerToFloat";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>How the operands are read.</summary>
    public static MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U8, DType.I8);
        c.Require(1, DType.U8, DType.I8);
        c.Require(2, DType.F32);
        c.Require(3, DType.F32);
        c.RequireSame(0, 4);
        c.RequireSame(1, 5);
        c.RequireSame(2, 6);
        var g = Geometry(c.Shape(0), c.Shape(1));
        ProductRules.RowsFit(c, 2, g);
        ProductRules.RowsFit(c, 4, g);
        ProductRules.ColumnsFit(c, 3, g);
        ProductRules.ColumnsFit(c, 5, g);
        if (c.Has(6) && (c.Shape(6).Rank != 1 || c.Shape(6)[0] != g.N)) throw new OperatorException($"bias {c.Shape(6)} does not fit a result {g.Output}");
        c.Set(0, DType.F32, g.Output);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
