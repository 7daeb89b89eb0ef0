using Engine.Tensors;

namespace Engine.Tests;

public class ReductionTests
{
    private static Tensor Random(int seed, params long[] dims)
    {
        var s = new Shape(dims);
        return Tensor.From(s, TestData.Floats(s.Count, seed));
    }

    public static TheoryData<string, long[], long[]> ReduceCases()
    {
        var data = new TheoryData<string, long[], long[]>();
        foreach (string op in new[] { "Sum", "Mean", "Prod", "Max", "Min", "L1", "L2", "LogSum", "LogSumExp", "SumSquare" })
        {
            data.Add(op, [3, 5, 7, 2], [1]);
            data.Add(op, [3, 5, 7, 2], [0, 2]);
            data.Add(op, [3, 5, 7, 2], [1, 3]);
            data.Add(op, [3, 5, 7, 2], [-1, 0]);
            data.Add(op, [3, 1, 7, 1], [0]);
            data.Add(op, [2, 133], [1]);
            data.Add(op, [9, 200], [0]);
            data.Add(op, [4], [0]);
            data.Add(op, [], []);
            data.Add(op, [2, 3], []);
        }
        return data;
    }

    [Theory, MemberData(nameof(ReduceCases))]
    public void Reductions_agree_with_their_definitions(string op, long[] dims, long[] axes)
    {
        var x = Random(1, dims);
        if (op == "LogSum") foreach (ref float v in x.Span<float>()) v = Math.Abs(v) + 0.1f;
        bool[] reduced = new bool[dims.Length];
        foreach (long a in axes) reduced[(a + dims.Length) % dims.Length] = true;
        if (axes.Length == 0) Array.Fill(reduced, true);
        var kept = new Shape([.. dims.Select((d, i) => reduced[i] ? 1 : d)]);
        var groups = Enumerable.Range(0, kept.Count).Select(_ => new List<double>()).ToArray();
        for (int i = 0; i < x.Shape.Count; i++)
        {
            long at = 0, rest = i;
            for (int d = 0; d < dims.Length; d++)
            {
                long stride = x.Shape.Strides()[d], index = rest / stride;
                rest %= stride;
                at += reduced[d] ? 0 : index * kept.Strides()[d];
            }
            groups[at].Add(x.Span<float>()[i]);
        }
        double Fold(List<double> g) => op switch
        {
            "Sum" => g.Sum(),
            "Mean" => g.Average(),
            "Prod" => g.Aggregate(1.0, (a, b) => a * b),
            "Max" => g.Max(),
            "Min" => g.Min(),
            "L1" => g.Sum(Math.Abs),
            "L2" => Math.Sqrt(g.Sum(v => v * v)),
            "LogSum" => Math.Log(g.Sum()),
            "LogSumExp" => Math.Log(g.Sum(Math.Exp)),
            _ => g.Sum(v => v * v),
        };
        var expected = Tensor.From(kept, [.. groups.Select(Fold)]);
        var byInput = OpRunner.One("Reduce" + op, 18, [x, Tensor.Vector<long>(axes)]);
        AssertEx.Close(expected, byInput, 1e-6);
        if (axes.Length == 0)
        {
            Assert.Equal(x.Bytes.ToArray(), OpRunner.One("Reduce" + op, 18, [x, Tensor.Vector<long>()], new() { ["noop_with_empty_axes"] = 1L }).Bytes.ToArray());
            return;
        }
        var flat = OpRunner.One("Reduce" + op, 11, [x], new() { ["axes"] = axes, ["keepdims"] = 0L });
        Assert.Equal(new Shape([.. dims.Where((_, i) => !reduced[i])]), flat.Shape);
        Assert.Equal(byInput.Bytes.ToArray(), flat.Bytes.ToArray());
    }

    [Fact]
    public void Reductions_of_nothing_give_the_identity()
    {
        var empty = Random(1, 2, 0);
        float[] One(string op) => OpRunner.One(op, 20, [empty, Tensor.Vector(1L)], new() { ["keepdims"] = 0L }).Span<float>().ToArray();
        Assert.Equal([0, 0], One("ReduceSum"));
        Assert.Equal([1, 1], One("ReduceProd"));
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], One("ReduceMax"));
        Assert.Equal([float.PositiveInfinity, float.PositiveInfinity], One("ReduceMin"));
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], One("ReduceLogSumExp"));
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], One("ReduceLogSum"));
        Assert.Equal([0, 0], One("ReduceL2"));
        Assert.Equal(new Shape(0), OpRunner.One("ReduceSum", 20, [empty, Tensor.Vector(0L)], new() { ["keepdims"] = 0L }).Shape);
        var bytes = OpRunner.One("ReduceMax", 20, [Tensor.Allocate(DType.U8, new Shape(0)), Tensor.Vector(0L)]);
        Assert.Equal([0], bytes.Span<byte>().ToArray());
        var ints = OpRunner.One("ReduceMean", 20, [Tensor.Allocate(DType.I32, new Shape(0)), Tensor.Vector(0L)]);
        Assert.Equal([0], ints.Span<int>().ToArray());
    }

    [Fact]
    public void Extremes_take_booleans_and_propagate_nan()
    {
        var b = Tensor.Allocate(DType.Bool, new Shape(2, 2));
        b.Bytes[1] = 1;
        Assert.Equal([1, 0], OpRunner.One("ReduceMax", 20, [b, Tensor.Vector(1L)]).Bytes.ToArray());
        Assert.Equal([0, 0], OpRunner.One("ReduceMin", 20, [b, Tensor.Vector(1L)]).Bytes.ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("ReduceSum", 20, [b, Tensor.Vector(1L)]));
        var y = OpRunner.One("ReduceMax", 20, [Tensor.Vector(1f, float.NaN, 2f), Tensor.Vector(0L)]);
        Assert.True(float.IsNaN(y.Span<float>()[0]));
        Assert.Throws<OperatorException>(() => OpRunner.One("ReduceMax", 20, [b, Tensor.Vector(2L)]));
    }

    [Theory]
    [InlineData("ArgMax", false, 1), InlineData("ArgMax", true, 3), InlineData("ArgMin", false, 0), InlineData("ArgMin", true, 2)]
    public void Arg_extremes_break_ties_as_asked(string op, bool last, long expected)
    {
        var x = Tensor.From(new Shape(4, 1), new int[] { 1, 7, 1, 7 });
        var y = OpRunner.One(op, 13, [x], new() { ["select_last_index"] = last ? 1L : 0L });
        Assert.Equal([expected], y.Span<long>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One(op, 13, [Random(1, 0, 2)]));
    }

    [Theory]
    [InlineData(1, 5), InlineData(1, 16), InlineData(1, 37), InlineData(70, 5), InlineData(3, 1)]
    public void Softmax_normalizes_along_the_axis(int inner, int length)
    {
        var x = Random(1, 3, length, inner);
        foreach (ref float v in x.Span<float>()) v = v * 30 + 1000;
        Tensor y = OpRunner.One("Softmax", 13, [x], new() { ["axis"] = 1L }), log = OpRunner.One("LogSoftmax", 13, [x], new() { ["axis"] = 1L }), hard = OpRunner.One("Hardmax", 13, [x], new() { ["axis"] = 1L });
        for (int o = 0; o < 3; o++)
            for (int i = 0; i < inner; i++)
            {
                int At(int k) => (o * length + k) * inner + i;
                double max = Enumerable.Range(0, length).Max(k => x.Span<float>()[At(k)]);
                double sum = Enumerable.Range(0, length).Sum(k => Math.Exp(x.Span<float>()[At(k)] - max));
                for (int k = 0; k < length; k++)
                {
                    double d = x.Span<float>()[At(k)] - max;
                    Assert.Equal(Math.Exp(d) / sum, y.Span<float>()[At(k)], 1e-6);
                    Assert.Equal(d - Math.Log(sum), log.Span<float>()[At(k)], 1e-5);
                    Assert.Equal(d == 0 ? 1 : 0, hard.Span<float>()[At(k)]);
                }
            }
    }

    [Fact]
    public void Softmax_before_opset_13_flattens_and_masks_with_infinity()
    {
        var y = OpRunner.One("Softmax", 11, [Tensor.Allocate(DType.F32, new Shape(2, 2, 2))]);
        Assert.Equal(Enumerable.Repeat(0.25f, 8), y.Span<float>().ToArray());
        var m = OpRunner.One("Softmax", 13, [Tensor.Vector(0f, float.NegativeInfinity)]);
        Assert.Equal([1, 0], m.Span<float>().ToArray());
        Assert.Equal([1], OpRunner.One("Softmax", 13, [Tensor.Scalar(3f)]).Span<float>().ToArray());
        Assert.Equal(new Shape(0, 3), OpRunner.One("Softmax", 13, [Random(1, 0, 3)]).Shape);
    }

    [Fact]
    public void CumSum_runs_from_either_end()
    {
        var x = Tensor.Vector(1f, 2f, 3f);
        float[] Run(long exclusive, long reverse) => OpRunner.One("CumSum", 14, [x, Tensor.Scalar(0)], new() { ["exclusive"] = exclusive, ["reverse"] = reverse }).Span<float>().ToArray();
        Assert.Equal([1, 3, 6], Run(0, 0));
        Assert.Equal([0, 1, 3], Run(1, 0));
        Assert.Equal([6, 5, 3], Run(0, 1));
        Assert.Equal([5, 3, 0], Run(1, 1));
        Assert.Throws<OperatorException>(() => OpRunner.One("CumSum", 14, [x, Tensor.Scalar(1)]));
    }

    [Fact]
    public void Losses_refuse_labels_out_of_range()
    {
        Assert.Throws<OperatorException>(() => OpRunner.One("NegativeLogLikelihoodLoss", 13, [Random(1, 2, 3), Tensor.Vector(0L, 3L)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("SoftmaxCrossEntropyLoss", 13, [Random(1, 2, 3), Tensor.Vector(0L, -1L)]));
        var y = OpRunner.One("NegativeLogLikelihoodLoss", 13, [Random(1, 2, 3), Tensor.Vector(0L, -1L)], new() { ["ignore_index"] = -1L });
        Assert.Equal(-Random(1, 2, 3).Span<float>()[0], y.Span<float>()[0]);
    }
}
