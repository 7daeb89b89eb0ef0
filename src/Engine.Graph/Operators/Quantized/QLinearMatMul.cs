using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX QLinearMatMul(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero): the product of 8-bit A [.., M, K] and B [.., K, N]
/// requantized: y = saturate(round(Σ (a − za)(b − zb) · (sa · sb / sy)) + zy). A's scale is a scalar or a row, B's a scalar or a column.
/// </summary>
public sealed class QLinearMatMul(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearMatMul";

    /// <summary>How the operands are read.</summary>
    public static MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        foreach (int i in (ReadOnlySpan<int>)[0, 3, 7]) c.Require(i, DType.U8, DType.I8);
        foreach (int i in (ReadOnlySpan<int>)[1, 4, 6]) c.Require(i, DType.F32, DType.F16, DType.BF16);
        c.RequireSame(0, 2);
        c.RequireSame(3, 5);
        QuantRules.RequireOne(c, 6);
        QuantRules.RequireOne(c, 7);
        var g = Geometry(c.Shape(0), c.Shape(3));
        ProductRules.RowsFit(c, 1, g);
        ProductRules.RowsFit(c, 2, g);
        ProductRules.ColumnsFit(c, 4, g);
        ProductRules.ColumnsFit(c, 5, g);
        c.Set(0, c.DType(7), g.Output);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(3)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}
