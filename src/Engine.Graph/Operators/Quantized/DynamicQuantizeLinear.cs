using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX DynamicQuantizeLinear: y u8 with the scale (f32 scalar) and zero point (u8 scalar) that span x's range, 0 included:
/// scale = (max(x, 0) − min(x, 0)) / 255, 1 for a tensor of zeros.
/// </summary>
public sealed class DynamicQuantizeLinear(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "DynamicQuantizeLinear";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        c.Set(0, DType.U8, c.Shape(0));
        c.Set(1, DType.F32, Shape.Scalar);
        c.Set(2, DType.U8, Shape.Scalar);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => throw c.Refuse("the range of its codes is that of the whole signal");
}
