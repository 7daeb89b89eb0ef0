using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Det: determinants of a stack of square matrices.</summary>
public sealed class Det(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Det";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        var x = c.Shape(0);
        if (x.Rank < 2 || x[-1] != x[-2]) throw new OperatorException($"input of shape {x} is no stack of square matrices");
        c.Set(0, c.DType(0), new Shape(x.Dims[..^2]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2.0 / 3 * c.Shape(0).Elements * (c.Shape(0).Rank < 1 ? 1 : c.Shape(0)[-1]), c.TotalBytes);
}
