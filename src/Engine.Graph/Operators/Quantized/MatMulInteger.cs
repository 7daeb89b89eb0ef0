using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX MatMulInteger: i32 product of 8-bit A [.., M, K] and B [.., K, N] less their zero points (A: scalar or a row, B: scalar or a
/// column), exact in 32 bits.
/// </summary>
public sealed class MatMulInteger(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MatMulInteger";

    /// <summary>How the operands are read.</summary>
    public static MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U8, DType.I8);
        c.Require(1, DType.U8, DType.I8);
        c.RequireSame(0, 2);
        c.RequireSame(1, 3);
        var g = Geometry(c.Shape(0), c.Shape(1));
        ProductRules.RowsFit(c, 2, g);
        ProductRules.ColumnsFit(c, 3, g);
        c.Set(0, DType.I32, g.Output);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
