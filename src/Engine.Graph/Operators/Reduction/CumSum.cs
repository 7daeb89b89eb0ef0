using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX CumSum: running sums along the axis in input 1, from either end, the own element counted or not.</summary>
public sealed class CumSum(Attributes a) : Operator(a)
{
    /// <summary>True to leave the own element out.</summary>
    public bool Exclusive { get; } = a.Bool("exclusive");

    /// <summary>True to start at the end.</summary>
    public bool Reverse { get; } = a.Bool("reverse");

    /// <inheritdoc/>
    public override string Name => "CumSum";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16, DType.I32, DType.I64, DType.U32, DType.U64);
        c.Require(1, DType.I32, DType.I64);
        if (c.Shape(1).Elements != 1) throw new OperatorException($"axis has shape {c.Shape(1)}, expected one element");
        c.Set(0, c.In(0));
    }
}
