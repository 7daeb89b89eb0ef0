using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

public class QuantizedTests
{
    private const string Microsoft = "com.microsoft";

    [Fact]
    public void QuantizeLinear_rounds_half_to_even_and_saturates()
    {
        var x = Tensor.Vector<float>(-0.5f, 0.5f, 1.5f, 2.5f, -1.5f, 1000, -1000, float.NaN);
        Assert.Equal([10, 10, 12, 12, 8, 255, 0, 0], OpRunner.One("QuantizeLinear", 13, [x, Tensor.Scalar(1f), Tensor.Scalar<byte>(10)]).Bytes.ToArray());
        Assert.Equal([0, 0, 2, 2, -2, 127, -128, -128], OpRunner.One("QuantizeLinear", 13, [x, Tensor.Scalar(1f), Tensor.Scalar<sbyte>(0)]).Span<sbyte>().ToArray());
        Assert.Equal([0, 0, 2, 2, 0, 255, 0, 0], OpRunner.One("QuantizeLinear", 10, [x, Tensor.Scalar(1f)], domain: Microsoft).Bytes.ToArray());
    }

    [Theory]
    [InlineData(DType.U8)]
    [InlineData(DType.I8)]
    [InlineData(DType.U16)]
    [InlineData(DType.I16)]
    [InlineData(DType.U4)]
    [InlineData(DType.I4)]
    public void Quantize_and_dequantize_agree_with_the_definition_for_every_layout(DType type)
    {
        var random = new Random(7);
        var (min, max) = QuantCodes.Range(type);
        foreach (var (dims, axis, block) in new (long[], int, int)[] { ([3, 5, 7], 1, 0), ([3, 5, 7], -1, 0), ([4, 33], 0, 0), ([2, 300], 1, 32), ([2, 7, 3], 1, 3), ([0, 5], 1, 0), ([517], 0, -1) })
        {
            var shape = new Shape(dims);
            int a = shape.Axis(axis);
            var scaleShape = block < 0 ? Shape.Scalar : block == 0 ? new Shape(shape[a]) : shape.With(a, (shape[a] + block - 1) / block);
            var x = Random(random, shape, 20);
            var scale = Random(random, scaleShape, 1);
            foreach (ref float s in scale.Span<float>()) s = MathF.Abs(s) + 0.01f;
            var zero = Tensor.Allocate(type, scaleShape);
            for (int i = 0; i < scaleShape.Count; i++) QuantCodes.Write(type, zero.Bytes, i, random.Next(min, max + 1));
            var attributes = new Dictionary<string, object> { ["axis"] = (long)axis, ["block_size"] = (long)Math.Max(0, block) };

            var q = OpRunner.One("QuantizeLinear", 21, [x, scale, zero], attributes);
            var y = OpRunner.One("DequantizeLinear", 21, [q, scale, zero], attributes);

            Assert.Equal(type, q.DType);
            long inner = shape.Product(a + 1, shape.Rank), extent = shape[a];
            for (int i = 0; i < shape.Count; i++)
            {
                long at = i / inner % extent, outer = i / inner / extent;
                int k = (int)(block < 0 ? 0 : block == 0 ? at : (outer * ((extent + block - 1) / block) + at / block) * inner + i % inner);
                int z = QuantCodes.Read(type, zero.Bytes, k);
                float s = scale.Span<float>()[k];
                int code = (int)Math.Clamp(Math.Round((double)(x.Span<float>()[i] / s), MidpointRounding.ToEven) + z, min, max);
                Assert.Equal(code, QuantCodes.Read(type, q.Bytes, i));
                Assert.Equal((code - z) * s, y.Span<float>()[i]);
            }
        }
    }

    [Fact]
    public void QuantizeLinear_to_8_bit_floats_saturates_when_asked()
    {
        var x = Tensor.Vector<float>(1, 1000, -1000, 0.3f);
        var zero = Tensor.Allocate(DType.F8E4M3FN, Shape.Scalar);
        var y = OpRunner.One("QuantizeLinear", 19, [x, Tensor.Scalar(2f), zero]);
        Assert.Equal([0.5f, 448, -448, 0.15625f], OpRunner.One("DequantizeLinear", 19, [y, Tensor.Scalar(1f)]).Span<float>().ToArray());
        var n = OpRunner.One("QuantizeLinear", 19, [x, Tensor.Scalar(2f), zero], new() { ["saturate"] = 0L });
        Assert.Equal(0x7F, n.Bytes[1]);
    }

    [Fact]
    public void Quantization_operators_take_half_precision()
    {
        var x = Tensor.Vector((Half)1.5f, (Half)(-3f));
        var scale = Tensor.Scalar((Half)0.5f);
        var q = OpRunner.One("QuantizeLinear", 19, [x, scale, Tensor.Scalar<sbyte>(1)]);
        Assert.Equal([4, -5], q.Span<sbyte>().ToArray());
        Assert.Equal([(Half)1.5f, (Half)(-3f)], OpRunner.One("DequantizeLinear", 19, [q, scale, Tensor.Scalar<sbyte>(1)]).Span<Half>().ToArray());
    }

    [Fact]
    public void DynamicQuantizeLinear_spans_the_range_with_zero()
    {
        var r = OpRunner.Run("DynamicQuantizeLinear", 11, [Tensor.Vector<float>(0, 2, -3, -2.5f, 1.34f, 0.5f)], outputs: 3);
        Assert.Equal([153, 255, 0, 26, 221, 179], ((Tensor)r[0]!).Bytes.ToArray());
        Assert.Equal(0.0196078438f, ((Tensor)r[1]!).Span<float>()[0]);
        Assert.Equal(153, ((Tensor)r[2]!).Bytes[0]);
    }

    [Fact]
    public void Every_tier_of_the_quantize_kernels_gives_the_reference_codes()
    {
        var random = new Random(11);
        for (int n = 0; n < 200; n += 13)
        {
            var x = new float[n];
            for (int i = 0; i < n; i++) x[i] = i % 11 == 0 ? float.NaN : random.Next(-40, 40) * 0.25f;
            foreach (string tier in QuantizeF32.Table.SupportedTiers)
            {
                var (expected, actual) = (new byte[n], new byte[n]);
                QuantizeF32.Table.Reference(x, 0.5f, 3, -128, 127, expected);
                QuantizeF32.Table[tier](x, 0.5f, 3, -128, 127, actual);
                Assert.Equal(expected, actual);
            }
            var codes = new byte[n];
            random.NextBytes(codes);
            foreach (string tier in Dequantize8.Table.SupportedTiers)
                foreach (bool signed in new[] { false, true })
                {
                    var (expected, actual) = (new float[n], new float[n]);
                    Dequantize8.Table.Reference(codes, signed, 0.3f, 3, expected);
                    Dequantize8.Table[tier](codes, signed, 0.3f, 3, actual);
                    Assert.Equal(expected, actual);
                }
        }
    }

    private static Tensor Random(Random random, Shape shape, float range)
    {
        var t = Tensor.Allocate(DType.F32, shape);
        foreach (ref float v in t.Span<float>()) v = (float)(random.NextDouble() * 2 - 1) * range;
        return t;
    }
}
