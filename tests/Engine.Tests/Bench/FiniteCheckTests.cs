using System.Runtime.InteropServices;
using Engine.Bench;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Bench;

public sealed class FiniteCheckTests
{
    private static (long At, double Value)? First<T>(T[] values, DType dtype, Encoding encoding, params long[] dims) where T : unmanaged =>
        FiniteCheck.First(MemoryMarshal.AsBytes(values.AsSpan()), new StepOutput(new TensorType(dtype, new Shape(dims)), encoding));

    [Fact]
    public void The_first_bad_element_of_each_float_type_is_found()
    {
        Assert.Equal((2L, double.NaN), First([1f, 2f, float.NaN, float.PositiveInfinity], DType.F32, Encoding.Plain, 4));
        Assert.Equal((1L, double.NegativeInfinity), First([1, double.NegativeInfinity], DType.F64, Encoding.Plain, 2));
        Assert.Equal((0L, double.PositiveInfinity), First([Half.PositiveInfinity], DType.F16, Encoding.Plain, 1));
        Assert.Equal((1L, double.NegativeInfinity), First([(ushort)0x7F7F, (ushort)0xFF80], DType.BF16, Encoding.Plain, 2));
        Assert.Null(First([float.MaxValue, float.Epsilon], DType.F32, Encoding.Plain, 2));
        Assert.Null(First([-1, int.MaxValue], DType.I32, Encoding.Plain, 2));
        Assert.Null(First([(byte)255], DType.F32, new QuantizedEncoding(DType.U8, 1, 0), 1));
    }

    // [1, 3, 2] with 3 channels in blocks of 2: the lane beside channel 2 pads.
    [Fact]
    public void Padding_lanes_do_not_count()
    {
        float[] v = [1, 2, 3, 4, 5, float.NaN, 7, float.NaN];
        Assert.Null(First(v, DType.F32, new BlockedEncoding(1, 2), 1, 3, 2));
        v[6] = float.PositiveInfinity;
        Assert.Equal((6L, double.PositiveInfinity), First(v, DType.F32, new BlockedEncoding(1, 2), 1, 3, 2));
    }
}
