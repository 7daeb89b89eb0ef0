using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft DynamicQuantizeMatMul(A, B, b_scale, b_zero?, bias?): A f32 [.., M, K] quantized to u8 as a whole
/// (see <see cref="DynamicQuantizeLinear"/>), times 8-bit B [.., K, N], times sa · sb, plus the bias [N]; f32.
/// </summary>
public sealed class DynamicQuantizeMatMul(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "DynamicQuantizeMatMul";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>How the operands are read.</summary>
    public static MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        c.Require(1, DType.U8, DType.I8);
        c.Require(2, DType.F32);
        c.RequireSame(1, 3);
        c.RequireSame(0, 4);
        var g = Geometry(c.Shape(0), c.Shape(1));
        ProductRules.ColumnsFit(c, 2, g);
        ProductRules.ColumnsFit(c, 3, g);
        if (c.Has(4) && (c.Shape(4).Rank != 1 || c.Shape(4)[0] != g.N)) throw new OperatorException($"bias {c.Shape(4)} does not fit a result {g.Output}");
        c.Set(0, DType.F32, g.Output);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => throw c.Refuse("the range of its codes is that of the whole signal");
}
