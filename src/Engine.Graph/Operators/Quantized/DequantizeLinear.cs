using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// DequantizeLinear of ONNX and com.microsoft: y = (x − zero) · scale. x u8, i8, u16, i16, i32, u4, i4 or a small float; scale and
/// zero point a tensor, an axis ([dim]) or a block of <c>block_size</c> along the axis; y has the scale's type unless
/// <c>output_dtype</c> says otherwise.
/// </summary>
public sealed class DequantizeLinear(Attributes a, string domain = "") : Operator(a)
{
    private readonly long _axis = a.Int("axis", 1), _block = a.Int("block_size", 0), _dtype = a.Int("output_dtype", 0);

    /// <inheritdoc/>
    public override string Name => "DequantizeLinear";

    /// <inheritdoc/>
    public override string Domain => domain;

    /// <summary>How the scales lie over the input.</summary>
    public QuantLayout Layout(Shape x, Shape scale) => QuantRules.Layout(x, scale, _axis, _block);

    /// <summary>The axis that scales lie along.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.DType(0);
        if (!(x is DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.I32 or DType.U4 or DType.I4 || x.IsSmallFloat()))
            throw new OperatorException($"{x.Display()} is not a quantized element type");
        c.Require(1, DType.F32, DType.F16, DType.BF16);
        Layout(c.Shape(0), c.Shape(1));
        QuantRules.ZeroFits(c, 2, 1, x);
        var type = _dtype == 0 ? c.DType(1) : (DType)Math.Clamp(_dtype, 0, byte.MaxValue);
        if (type is not (DType.F32 or DType.F16 or DType.BF16)) throw new OperatorException($"output_dtype {type.Display()} is not supported");
        c.Set(0, type, c.Shape(0));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "its scales run along the stream");
}
