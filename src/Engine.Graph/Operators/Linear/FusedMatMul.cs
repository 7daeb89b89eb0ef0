using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>com.microsoft FusedMatMul: α · A·B with either operand transposed, its axis 0 moved behind the batch axes first where asked.</summary>
public sealed class FusedMatMul(Attributes a) : Operator(a), IMatMul
{
    private readonly bool _transA = a.Bool("transA"), _transB = a.Bool("transB"), _batchA = a.Bool("transBatchA"), _batchB = a.Bool("transBatchB");

    /// <inheritdoc/>
    public override string Name => "FusedMatMul";

    /// <inheritdoc/>
    public override string Domain => "com.microsoft";

    /// <summary>True when neither operand is transposed.</summary>
    public bool IsPlain => !_transA && !_transB && !_batchA && !_batchB;

    /// <inheritdoc/>
    public float Alpha { get; } = a.Float("alpha", 1);

    /// <inheritdoc/>
    public MatMulGeometry Geometry(Shape a, Shape b) => MatMulGeometry.Of(a, b, _transA, _transB, _batchA, _batchB);

    /// <inheritdoc/>
    public override void Infer(InferContext c) => IMatMul.Infer(this, c);

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0), c.Shape(1)).Operations, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}
