using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

public class IntegerProductTests
{
    private const string Microsoft = "com.microsoft";

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 17, 5)]
    [InlineData(9, 33, 64)]
    [InlineData(1, 100, 31)]
    [InlineData(25, 16, 0)]
    [InlineData(0, 4, 3)]
    public void MatMulInteger_is_exact_for_every_signedness_and_zero_point(int m, int n, int k)
    {
        var random = new Random(m + n + k);
        foreach (var (ta, tb) in new[] { (DType.U8, DType.I8), (DType.U8, DType.U8), (DType.I8, DType.I8), (DType.I8, DType.U8) })
            foreach (bool many in new[] { false, true })
            {
                var (a, b) = (Codes(random, ta, new Shape(2, m, k)), Codes(random, tb, new Shape(k, n)));
                var (za, zb) = (Codes(random, ta, many && m > 0 ? new Shape(m) : Shape.Scalar), Codes(random, tb, many ? new Shape(n) : Shape.Scalar));
                var y = OpRunner.One("MatMulInteger", 10, [a, b, za, zb]);
                Assert.Equal(new Shape(2, m, n), y.Shape);
                for (int r = 0; r < 2 * m; r++)
                    for (int c = 0; c < n; c++)
                    {
                        int sum = 0;
                        for (int i = 0; i < k; i++)
                            sum += (Code(a, r * k + i) - Code(za, za.Shape.Rank == 0 ? 0 : r % m)) * (Code(b, i * n + c) - Code(zb, zb.Shape.Rank == 0 ? 0 : c));
                        Assert.Equal(sum, y.Span<int>()[r * n + c]);
                    }
            }
    }

    [Theory]
    [InlineData(DType.U8)]
    [InlineData(DType.I8)]
    public void QLinearMatMul_and_QGemm_requantize_each_sum(DType type)
    {
        var random = new Random(3);
        int m = 5, n = 37, k = 19;
        var (a, b) = (Codes(random, type, new Shape(m, k)), Codes(random, DType.I8, new Shape(k, n)));
        var (za, zb, zy) = (Codes(random, type, Shape.Scalar), Codes(random, DType.I8, new Shape(n)), Codes(random, type, Shape.Scalar));
        var (sa, sy) = (Tensor.Scalar(0.02f), Tensor.Scalar(0.9f));
        var sb = Tensor.Allocate(DType.F32, new Shape(n));
        var bias = Tensor.Allocate(DType.I32, new Shape(n));
        for (int i = 0; i < n; i++) (sb.Span<float>()[i], bias.Span<int>()[i]) = (0.01f + (float)random.NextDouble() * 0.1f, random.Next(-9999, 9999));

        var y = OpRunner.One("QLinearMatMul", 10, [a, sa, za, b, sb, zb, sy, zy]);
        var q = OpRunner.One("QGemm", 1, [a, sa, za, b, sb, zb, bias, sy, zy], domain: Microsoft);
        var f = OpRunner.One("QGemm", 1, [a, sa, za, b, sb, zb, bias], domain: Microsoft);

        var (min, max) = QuantCodes.Range(type);
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++)
            {
                int sum = 0;
                for (int i = 0; i < k; i++) sum += (Code(a, r * k + i) - Code(za, 0)) * (Code(b, i * n + c) - Code(zb, c));
                float scale = sa.Span<float>()[0] * sb.Span<float>()[c], factor = scale / sy.Span<float>()[0];
                Assert.Equal(Math.Clamp((int)MathF.Round(sum * factor, MidpointRounding.ToEven) + Code(zy, 0), min, max), Code(y, r * n + c));
                Assert.Equal(Math.Clamp((int)MathF.Round((sum + bias.Span<int>()[c]) * factor, MidpointRounding.ToEven) + Code(zy, 0), min, max), Code(q, r * n + c));
                Assert.Equal((sum + bias.Span<int>()[c]) * scale, f.Span<float>()[r * n + c]);
            }
    }

    [Fact]
    public void DynamicQuantizeMatMul_equals_its_parts()
    {
        var random = new Random(5);
        var x = Tensor.Allocate(DType.F32, new Shape(3, 21));
        foreach (ref float v in x.Span<float>()) v = (float)random.NextDouble() * 3 - 1;
        var b = Codes(random, DType.I8, new Shape(21, 18));
        var (scale, bias) = (Tensor.Scalar(0.03f), Tensor.Allocate(DType.F32, new Shape(18)));
        bias.Span<float>().Fill(0.5f);

        var y = OpRunner.One("DynamicQuantizeMatMul", 1, [x, b, scale, null, bias], domain: Microsoft);

        var q = OpRunner.Run("DynamicQuantizeLinear", 11, [x], outputs: 3);
        var expected = OpRunner.One("MatMulIntegerToFloat", 1, [q[0], b, q[1], scale, q[2], null, bias], domain: Microsoft);
        Assert.Equal(expected.Span<float>().ToArray(), y.Span<float>().ToArray());
        var sums = OpRunner.One("MatMulInteger", 10, [q[0], b, q[2]]);
        for (int i = 0; i < sums.Shape.Count; i++) Assert.Equal(sums.Span<int>()[i] * (((Tensor)q[1]!).Span<float>()[0] * 0.03f) + 0.5f, y.Span<float>()[i]);
    }

    [Theory]
    [InlineData(1, 4, 6, 1, 1, 1, 0)]
    [InlineData(2, 3, 5, 1, 3, 1, 1)]
    [InlineData(1, 8, 8, 8, 3, 2, 1)]
    [InlineData(1, 6, 20, 2, 5, 3, 2)]
    public void ConvInteger_and_QLinearConv_agree_with_direct_sums(int batch, int channels, int outputs, int group, int kernel, int stride, int pad)
    {
        var random = new Random(channels);
        const int H = 9, W = 21;
        foreach (var (tx, tw) in new[] { (DType.U8, DType.I8), (DType.U8, DType.U8), (DType.I8, DType.I8) })
        {
            var (x, w) = (Codes(random, tx, new Shape(batch, channels, H, W)), Codes(random, tw, new Shape(outputs, channels / group, kernel, kernel)));
            var (zx, zw, zy) = (Codes(random, tx, Shape.Scalar), Codes(random, tw, new Shape(outputs)), Codes(random, tx, Shape.Scalar));
            var attributes = new Dictionary<string, object> { ["group"] = (long)group, ["strides"] = new long[] { stride, stride }, ["pads"] = new long[] { pad, pad, pad, pad } };
            var (sx, sy) = (Tensor.Scalar(0.05f), Tensor.Scalar(3f));
            var (sw, bias) = (Tensor.Allocate(DType.F32, new Shape(outputs)), Tensor.Allocate(DType.I32, new Shape(outputs)));
            for (int i = 0; i < outputs; i++) (sw.Span<float>()[i], bias.Span<int>()[i]) = (0.01f + (float)random.NextDouble() * 0.1f, random.Next(-9999, 9999));

            var y = OpRunner.One("ConvInteger", 10, [x, w, zx, zw], attributes);
            var q = OpRunner.One("QLinearConv", 10, [x, sx, zx, w, sw, zw, sy, zy, bias], attributes);

            int oh = (H + 2 * pad - kernel) / stride + 1, ow = (W + 2 * pad - kernel) / stride + 1, perGroup = channels / group;
            Assert.Equal(new Shape(batch, outputs, oh, ow), y.Shape);
            var (min, max) = QuantCodes.Range(tx);
            int at = 0;
            for (int n = 0; n < batch; n++)
                for (int m = 0; m < outputs; m++)
                    for (int r = 0; r < oh; r++)
                        for (int c = 0; c < ow; c++, at++)
                        {
                            int sum = 0, g = m / (outputs / group);
                            for (int k = 0; k < perGroup; k++)
                                for (int i = 0; i < kernel; i++)
                                    for (int j = 0; j < kernel; j++)
                                    {
                                        int h = r * stride - pad + i, v = c * stride - pad + j;
                                        if (h < 0 || h >= H || v < 0 || v >= W) continue;
                                        sum += (Code(x, ((n * channels + g * perGroup + k) * H + h) * W + v) - Code(zx, 0)) * (Code(w, ((m * perGroup + k) * kernel + i) * kernel + j) - Code(zw, m));
                                    }
                            Assert.Equal(sum, y.Span<int>()[at]);
                            float factor = 0.05f * sw.Span<float>()[m] / 3f;
                            Assert.Equal(Math.Clamp((int)MathF.Round((sum + bias.Span<int>()[m]) * factor, MidpointRounding.ToEven) + Code(zy, 0), min, max), Code(q, at));
                        }
        }
    }

    internal static int Code(Tensor t, int i) => QuantCodes.Read(t.DType, t.Bytes, i);

    internal static Tensor Codes(Random random, DType type, Shape shape)
    {
        var t = Tensor.Allocate(type, shape);
        random.NextBytes(t.Bytes);
        return t;
    }
}
