using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// QuantizeLinear of ONNX and com.microsoft: y = saturate(round(x / scale) + zero), rounding to nearest even.
/// x f32, f16, bf16 or i32; scale and zero point a tensor, an axis ([dim]) or a block of <c>block_size</c> along the axis;
/// y u8, i8, u16, i16, u4, i4 or a small float: the zero point's type, else <c>output_dtype</c>, else u8.
/// </summary>
public sealed class QuantizeLinear(Attributes a, string domain = "") : Operator(a)
{
    private readonly long _axis = a.Int("axis", 1), _block = a.Int("block_size", 0), _dtype = a.Int("output_dtype", 0);

    /// <summary>True when 8-bit floats out of range become the largest value instead of infinity or NaN.</summary>
    public bool Saturate { get; } = a.Bool("saturate", true);

    /// <inheritdoc/>
    public override string Name => "QuantizeLinear";

    /// <inheritdoc/>
    public override string Domain => domain;

    /// <summary>How the scales lie over the input.</summary>
    public QuantLayout Layout(Shape x, Shape scale) => QuantRules.Layout(x, scale, _axis, _block);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16, DType.I32);
        c.Require(1, DType.F32, DType.F16, DType.BF16);
        Layout(c.Shape(0), c.Shape(1));
        QuantRules.ZeroFits(c, 2, 1);
        var type = c.Has(2) ? c.DType(2) : _dtype == 0 ? DType.U8 : (DType)Math.Clamp(_dtype, 0, byte.MaxValue);
        if (c.Has(2) && _dtype != 0 && (long)type != _dtype) throw new OperatorException($"output_dtype {_dtype} differs from the zero point's type {type.Display()}");
        if (!(type is DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.U4 or DType.I4 || type.IsSmallFloat()))
            throw new OperatorException($"{type.Display()} is not a quantized element type");
        c.Set(0, type, c.Shape(0));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "its scales run along the stream");
}
