using Engine.Tensors;

namespace Engine.Tests;

public class LinearTests
{
    private static Tensor Random(int seed, params long[] dims)
    {
        var s = new Shape(dims);
        return Tensor.From(s, TestData.Floats(s.Count, seed));
    }

    private static Tensor Doubles(Tensor t) => Tensor.From(t.Shape, [.. t.Span<float>().ToArray().Select(v => (double)v)]);

    [Theory]
    [InlineData(new long[] { 5, 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 5, 7 }, new long[] { 7 })]
    [InlineData(new long[] { 7 }, new long[] { 7 })]
    [InlineData(new long[] { 4, 5, 7 }, new long[] { 7, 3 })]
    [InlineData(new long[] { 4, 5, 7 }, new long[] { 7 })]
    [InlineData(new long[] { 2, 1, 5, 7 }, new long[] { 3, 7, 60 })]
    [InlineData(new long[] { 5, 7 }, new long[] { 2, 3, 7, 4 })]
    [InlineData(new long[] { 2, 1, 7 }, new long[] { 1, 7, 4 })]
    [InlineData(new long[] { 2, 0 }, new long[] { 0, 3 })]
    [InlineData(new long[] { 0, 2 }, new long[] { 2, 3 })]
    public void MatMul_follows_numpy_on_all_ranks(long[] a, long[] b)
    {
        Tensor x = Random(1, a), w = Random(2, b);
        var y = OpRunner.One("MatMul", 13, [x, w]);
        // Another path: doubles run through the generic product.
        var expected = OpRunner.One("MatMul", 13, [Doubles(x), Doubles(w)]);
        Assert.Equal(expected.Shape, y.Shape);
        AssertEx.Close(expected, y, 1e-5);
        if (a.Length == 2 && b.Length == 2)
            for (int i = 0; i < a[0]; i++)
                for (int j = 0; j < b[1]; j++)
                {
                    double sum = 0;
                    for (int k = 0; k < a[1]; k++) sum += (double)x.Span<float>()[(int)(i * a[1] + k)] * w.Span<float>()[(int)(k * b[1] + j)];
                    Assert.Equal(sum, y.Span<float>()[(int)(i * b[1] + j)], 1e-5);
                }
    }

    [Fact]
    public void MatMul_wraps_integers_and_refuses_mismatched_dimensions()
    {
        var y = OpRunner.One("MatMul", 13, [Tensor.From(new Shape(1, 2), new int[] { int.MaxValue, 2 }), Tensor.From(new Shape(2, 1), new int[] { 2, 3 })]);
        Assert.Equal([4], y.Span<int>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("MatMul", 13, [Random(1, 2, 3), Random(2, 2, 3)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("MatMul", 13, [Random(1), Random(2, 2, 3)]));
    }

    [Fact]
    public void MatMul_runs_half_floats_through_f32()
    {
        var x = Tensor.From(new Shape(1, 2), new Half[] { (Half)1.5f, (Half)2 });
        var y = OpRunner.One("MatMul", 13, [x, Tensor.From(new Shape(2, 1), new Half[] { (Half)2, (Half)4 })]);
        Assert.Equal([(Half)11], y.Span<Half>().ToArray());
    }

    [Theory]
    [InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void FusedMatMul_transposes_last_and_batch_axes(bool trans, bool batch)
    {
        // [4, 2, 3, 5] with axis 0 behind the batch axes is [2, 3, 4, 5].
        var x = Random(1, 4, 2, 3, 5);
        var plain = batch ? OpRunner.One("Transpose", 13, [x], new() { ["perm"] = new long[] { 1, 2, 0, 3 } }) : x;
        if (trans) plain = OpRunner.One("Transpose", 13, [plain], new() { ["perm"] = new long[] { 0, 1, 3, 2 } });
        var w = Random(2, plain.Shape[0], plain.Shape[1], plain.Shape[3], 6);
        var expected = OpRunner.One("MatMul", 13, [plain, w]);
        foreach (var e in expected.Span<float>().ToArray().Select((v, i) => (v, i))) expected.Span<float>()[e.i] = e.v * 0.5f;
        var y = OpRunner.One("FusedMatMul", 1, [x, w], new() { ["alpha"] = 0.5f, ["transA"] = trans ? 1L : 0, ["transBatchA"] = batch ? 1L : 0 }, "com.microsoft");
        Assert.Equal(expected.Shape, y.Shape);
        AssertEx.Close(expected, y, 1e-5);
    }

    [Theory]
    [InlineData(new long[] { }), InlineData(new long[] { 1 }), InlineData(new long[] { 6 }), InlineData(new long[] { 1, 6 }), InlineData(new long[] { 4, 1 }), InlineData(new long[] { 4, 6 })]
    public void Gemm_scales_transposes_and_broadcasts(long[] c)
    {
        Tensor x = Random(1, 5, 4), w = Random(2, 6, 5), plus = Random(3, c);
        Dictionary<string, object> attributes = new() { ["transA"] = 1L, ["transB"] = 1L, ["alpha"] = 0.25f, ["beta"] = -2f };
        var y = OpRunner.One("Gemm", 13, [x, w, plus], attributes);
        var d = OpRunner.One("Gemm", 13, [Doubles(x), Doubles(w), Doubles(plus)], attributes);
        AssertEx.Close(d, y, 1e-5);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 6; j++)
            {
                double sum = 0;
                for (int k = 0; k < 5; k++) sum += x.Span<float>()[k * 4 + i] * w.Span<float>()[j * 5 + k];
                int at = c.Length == 0 ? 0 : c.Length == 1 ? (c[0] == 1 ? 0 : j) : (c[0] == 1 ? 0 : i * (int)c[1]) + (c[1] == 1 ? 0 : j);
                Assert.Equal(sum * 0.25 - 2 * plus.Span<float>()[at], y.Span<float>()[i * 6 + j], 1e-5);
            }
        if (c.Length == 2 && c[0] == 1) Assert.Throws<OperatorException>(() => OpRunner.One("Gemm", 6, [x, w, plus], attributes));
    }

    [Fact]
    public void Det_pivots()
    {
        var y = OpRunner.One("Det", 11, [Tensor.From(new Shape(2, 2, 2), new float[] { 0, 2, 3, 4, 1, 2, 2, 4 })]);
        Assert.Equal([-6, 0], y.Span<float>().ToArray());
        Assert.Equal([1], OpRunner.One("Det", 11, [Tensor.From(new Shape(0, 0), Array.Empty<float>())]).Span<float>().ToArray());
    }
}
