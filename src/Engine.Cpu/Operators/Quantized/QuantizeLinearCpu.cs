using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class QuantizeLinearCpu
{
    public static StepFn Bind(QuantizeLinear op, BindContext b)
    {
        var layout = op.Layout(b.In(0).Shape, b.In(1).Shape);
        var (from, to, saturate) = (b.In(0).DType, b.Out(0).DType, op.Saturate);
        var scales = new FloatOperand(b, 1);
        return (in StepContext c) =>
        {
            var y = c.Out<byte>(0);
            if (to.IsPacked() && y.Length > 0) y[^1] = 0;
            QuantizeTensor.Quantize(c.Workers, layout, from, c.In<byte>(0), scales.Read(c), c.In<byte>(2), to, y, saturate);
        };
    }
}

internal static class DequantizeLinearCpu
{
    public static StepFn Bind(DequantizeLinear op, BindContext b)
    {
        var layout = op.Layout(b.In(0).Shape, b.In(1).Shape);
        var (from, to) = (b.In(0).DType, b.Out(0).DType);
        var scales = new FloatOperand(b, 1);
        return (in StepContext c) => QuantizeTensor.Dequantize(c.Workers, layout, from, c.In<byte>(0), scales.Read(c), c.In<byte>(2), to, c.Out<byte>(0));
    }
}

internal static class DynamicQuantizeLinearCpu
{
    public static StepFn Bind(DynamicQuantizeLinear op, BindContext b)
    {
        long elements = b.In(0).Elements;
        return (in StepContext c) =>
        {
            var (scale, zero) = DynamicRange.U8(c.In<float>(0));
            QuantizeF32.Table.Best(c.In<float>(0), scale, zero, 0, 255, c.Out<byte>(0));
            if (c.Out<float>(1) is { Length: > 0 } s) s[0] = scale;
            if (c.Out<byte>(2) is { Length: > 0 } z) z[0] = (byte)zero;
        };
    }
}
