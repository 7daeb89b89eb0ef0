using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX Gemm: α · A'·B' + β · C with A' and B' transposed where asked, C broadcast to the result. Before opset 7 C is broadcast only with
/// the attribute <c>broadcast</c>.
/// </summary>
public sealed class Gemm(Attributes a) : GemmBase(a)
{
    /// <inheritdoc/>
    public override string Name => "Gemm";

    private protected override bool IsExactC => Attributes.Opset < 7 && !Attributes.Bool("broadcast");
}

/// <summary>What Gemm and FusedGemm share.</summary>
public abstract class GemmBase(Attributes a) : Operator(a)
{
    private readonly bool _transA = a.Bool("transA"), _transB = a.Bool("transB");

    /// <summary>True when C may not be broadcast.</summary>
    private protected virtual bool IsExactC => false;

    /// <summary>Factor of the product.</summary>
    public float Alpha { get; } = a.Float("alpha", 1);

    /// <summary>Factor of C.</summary>
    public float Beta { get; } = a.Float("beta", 1);

    /// <summary>How the operands are read.</summary>
    public MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b, _transA, _transB);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16, DType.I32, DType.I64, DType.U32, DType.U64);
        c.RequireSame(0, 1);
        c.RequireRank(0, 2);
        c.RequireRank(1, 2);
        var y = Geometry(c.Shape(0), c.Shape(1)).Output;
        if (c.Has(2))
        {
            c.RequireSame(0, 2);
            var s = c.Shape(2);
            if (IsExactC ? s != y : Shape.Broadcast(s, y) != y) throw new OperatorException($"input 2 of shape {s} cannot be broadcast to the result {y}");
        }
        c.Set(0, c.DType(0), y);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}
