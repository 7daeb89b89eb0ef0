using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
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

    [Theory]
    [InlineData("ij->ji", "23"), InlineData("ij", "23"), InlineData("ii->i", "33"), InlineData("ii", "33"), InlineData("iij->j", "334"), InlineData("ij->", "23")]
    [InlineData("ij,jk->ik", "23,34"), InlineData("ij,jk", "23,34"), InlineData("bij,bjk->bik", "523,534"), InlineData("bij,bjk->kbi", "523,534"), InlineData("ij,kj->ki", "23,43")]
    [InlineData("i,j->ij", "2,3"), InlineData("i,i->", "3,3"), InlineData("ij,j->i", "23,3"), InlineData("...ij,...jk->...ik", "523,34"), InlineData("...ij,jk", "5623,34")]
    [InlineData("bhqd,bhkd->bhqk", "2345,2365"), InlineData("bqhd,bkhd->bhqk", "2435,2635"), InlineData("ij,jk,kl->il", "23,34,45"), InlineData("ij,ik,il->ijkl", "23,24,25")]
    [InlineData("aij,jk->ik", "523,34"), InlineData("ii,ij->j", "33,34"), InlineData("b...,b...->b", "234,234"), InlineData("ij,jk->ik", "20,04"), InlineData("bij,bjk->bik", "123,534")]
    public void Einsum_agrees_with_the_sum_over_all_labels(string equation, string dims)
    {
        var inputs = dims.Split(',').Select((d, i) => Random(i + 1, [.. d.Select(ch => (long)(ch - '0'))])).ToArray();
        // Hide the ellipsis behind labels of its own, aligned to the right.
        string[] sides = equation.Split("->"), terms = sides[0].Split(',');
        int wide = terms.Select((t, i) => t.Contains("...") ? inputs[i].Shape.Rank - (t.Length - 3) : 0).Max();
        string Plain(string t, int rank) => t.Replace("...", "UVWXYZ"[(6 - (rank - (t.Length - 3)))..] is var tail ? tail : "");
        string[] plain = [.. terms.Select((t, i) => t.Contains("...") ? Plain(t, inputs[i].Shape.Rank) : t)];
        string all = string.Concat(plain);
        string output = sides.Length > 1 ? sides[1].Replace("...", "UVWXYZ"[(6 - wide)..]) : "UVWXYZ"[(6 - wide)..] + string.Concat(all.Where(ch => !char.IsAsciiLetterUpper(ch) && all.Count(x => x == ch) == 1).Order());
        var labels = (output + string.Concat(all.Except(output))).Distinct().ToArray();
        long[] size = [.. labels.Select(l => plain.SelectMany((t, i) => t.Select((ch, d) => ch == l ? inputs[i].Shape[d] : 1)).Aggregate(1L, (m, d) => m == 1 ? d : d == 1 ? m : d))];
        var y = new double[output.Aggregate(1L, (n, ch) => n * size[Array.IndexOf(labels, ch)])];
        var index = new long[labels.Length];
        for (long n = size.Aggregate(1L, (p, d) => p * d), i = 0; i < n; i++)
        {
            long rest = i;
            for (int l = labels.Length - 1; l >= 0; l--) (index[l], rest) = (rest % size[l], rest / size[l]);
            double product = 1;
            for (int k = 0; k < plain.Length; k++)
            {
                long at = 0;
                for (int d = 0; d < plain[k].Length; d++) at += inputs[k].Shape[d] == 1 ? 0 : index[Array.IndexOf(labels, plain[k][d])] * inputs[k].Shape.Strides()[d];
                product *= inputs[k].Span<float>()[(int)at];
            }
            long to = 0;
            foreach (char ch in output) to = to * size[Array.IndexOf(labels, ch)] + index[Array.IndexOf(labels, ch)];
            y[to] += product;
        }
        var shape = new Shape([.. output.Select(ch => size[Array.IndexOf(labels, ch)])]);
        Dictionary<string, object> attributes = new() { ["equation"] = equation };
        AssertEx.Close(Tensor.From(shape, y), OpRunner.One("Einsum", 12, inputs, attributes), 1e-5);
        AssertEx.Close(Tensor.From(shape, y), OpRunner.One("Einsum", 12, [.. inputs.Select(Doubles)], attributes), 1e-6);
    }

    [Theory]
    [InlineData("ij,jk->ijj", "23,34"), InlineData("ij,jk->iz", "23,34"), InlineData("ij->", "234"), InlineData("i1->i", "23"), InlineData("ij,jk->ik", "23,44"), InlineData("ij,jk->ik", "23")]
    public void Einsum_refuses_what_does_not_fit(string equation, string dims) =>
        Assert.Throws<OperatorException>(() => OpRunner.One("Einsum", 12, [.. dims.Split(',').Select((d, i) => Random(i + 1, [.. d.Select(ch => (long)(ch - '0'))]))], new() { ["equation"] = equation }));

    [Fact]
    public void FusedGemm_applies_its_activation()
    {
        Tensor x = Random(1, 5, 4), w = Random(2, 4, 6), plus = Random(3, 6);
        var y = OpRunner.One("Gemm", 13, [x, w, plus]);
        var relu = OpRunner.One("FusedGemm", 1, [x, w, plus], new() { ["activation"] = "Relu" }, "com.microsoft");
        Assert.Equal(y.Span<float>().ToArray().Select(v => Math.Max(v, 0)), relu.Span<float>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("FusedGemm", 1, [x, w, plus], new() { ["activation"] = "Nothing" }, "com.microsoft"));
    }

    /// <summary>A form that no kernel knows: u · v.</summary>
    private sealed class OuterProduct(float[] u, float[] v) : Weight
    {
        public override Shape Shape => new(u.Length, v.Length);
        public override DType DType => DType.F32;
        public override long StoredBytes => 4 * (u.Length + v.Length);
        public override string Describe() => "OuterProduct";
        public override Tensor Decode() => Tensor.From(Shape, [.. u.SelectMany(a => v.Select(b => a * b))]);
    }

    [Fact]
    public unsafe void A_weight_of_any_form_and_fused_steps_give_the_decoded_result()
    {
        Tensor x = Random(1, 3, 5), residual = Random(4, 3, 7), bias = Random(5, 7);
        var weight = new OuterProduct(TestData.Floats(5, 2), TestData.Floats(7, 3));
        var node = new Node("m", new MatMul(Attributes.None), [new("x"), new("w") { Constant = weight }, new("r"), new("b")], [new("y")])
        {
            Epilogue = [new(new Add(Attributes.None), 3), new(new Relu(Attributes.None)), new(new Add(Attributes.None), 2)],
        };
        var types = new NodeTypes(node, [x.Type, new(weight.DType, weight.Shape), residual.Type, bias.Type], [residual.Type], [null, null, null, null], [null, weight, null, null]);
        var bound = Binder.BindPlain(CpuKernels.Standard, types, new PackedWeights());
        Assert.True(bound.Context.IsConsumed(1));
        var y = Tensor.Allocate(DType.F32, residual.Shape);
        ReadOnlySpan<nint> pointers = [(nint)x.Pointer, (nint)residual.Pointer, (nint)bias.Pointer, (nint)y.Pointer];
        bound.Run(new StepContext(pointers, [new(0, 0, x.ByteLength), ArgRef.Absent, new(1, 0, residual.ByteLength), new(2, 0, bias.ByteLength)], [new(3, 0, y.ByteLength)], [], Workers.Single, default));
        GC.KeepAlive(x);
        var plain = OpRunner.One("MatMul", 13, [x, weight.Decode()]);
        for (int i = 0; i < plain.Shape.Count; i++)
            Assert.Equal(Math.Max(plain.Span<float>()[i] + bias.Span<float>()[i % 7], 0) + residual.Span<float>()[i], y.Span<float>()[i], 1e-6);
    }
}
