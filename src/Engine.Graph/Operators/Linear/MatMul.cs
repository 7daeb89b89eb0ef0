using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX MatMul: NumPy's product of stacks of matrices.</summary>
public sealed class MatMul(Attributes a) : Operator(a), IMatMul
{
    /// <inheritdoc/>
    public override string Name => "MatMul";

    /// <inheritdoc/>
    public MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b);

    /// <inheritdoc/>
    public float Alpha => 1;

    /// <inheritdoc/>
    public override void Infer(InferContext c) => IMatMul.Infer(this, c);

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}

/// <summary>An operator that multiplies stacks of matrices and scales the result.</summary>
public interface IMatMul
{
    /// <summary>How the operands are read.</summary>
    MatMulGeometry Geometry(Shape a, Shape b);

    /// <summary>Factor of the product.</summary>
    float Alpha { get; }

    /// <summary>The type rule.</summary>
    internal static void Infer(IMatMul op, InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16, DType.I32, DType.I64, DType.U32, DType.U64);
        c.RequireSame(0, 1);
        c.Set(0, c.DType(0), op.Geometry(c.Shape(0), c.Shape(1)).Output);
    }
}
