using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Between plain f32 and the 8-bit codes of a grid.</summary>
internal static class GridConverters
{
    public static StepFn? Find(TensorType type, Encoding from, Encoding to)
    {
        if (type.DType != DType.F32) return null;
        var layout = QuantLayout.PerTensor(type.Elements);
        if (from is PlainEncoding && to is QuantizedEncoding q)
        {
            var (code, scale, zero) = (q.Code, new[] { q.Scale }, new[] { (byte)q.Zero });
            return (in StepContext c) => QuantizeTensor.Quantize(c.Workers, layout, DType.F32, c.In<byte>(0), scale, zero, code, c.Out<byte>(0), true);
        }
        if (from is QuantizedEncoding d && to is PlainEncoding)
        {
            var (code, scale, zero) = (d.Code, new[] { d.Scale }, new[] { (byte)d.Zero });
            return (in StepContext c) => QuantizeTensor.Dequantize(c.Workers, layout, code, c.In<byte>(0), scale, zero, DType.F32, c.Out<byte>(0));
        }
        return null;
    }
}
