using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

public class MathTests
{
    private static Tensor F(params float[] v) => Tensor.Vector<float>(v);

    private static Tensor Random(Shape shape, int seed)
    {
        var r = new Random(seed);
        var t = Tensor.Allocate(DType.F32, shape);
        foreach (ref float v in t.Span<float>()) v = (float)(r.NextDouble() * 6 - 3);
        return t;
    }

    private static float[] Floats(string op, int opset, Tensor x, Dictionary<string, object>? attributes = null) => OpRunner.One(op, opset, [x], attributes).Span<float>().ToArray();

    [Theory]
    [InlineData("Abs"), InlineData("Neg"), InlineData("Sign"), InlineData("Floor"), InlineData("Ceil"), InlineData("Round"), InlineData("Exp"), InlineData("Sin"), InlineData("Cos"), InlineData("Tan")]
    [InlineData("Atan"), InlineData("Sinh"), InlineData("Cosh"), InlineData("Asinh"), InlineData("Tanh"), InlineData("Sigmoid"), InlineData("Erf"), InlineData("Reciprocal"), InlineData("Relu"), InlineData("Softplus")]
    public void Unary_functions_agree_between_f32_f64_and_f16(string op)
    {
        for (int n = 0; n < 40; n += 3)
        {
            var x = Random(new Shape(n), n);
            var wide = OpRunner.One("Cast", 13, [x], new() { ["to"] = (long)DType.F64 });
            var half = OpRunner.One("Cast", 13, [x], new() { ["to"] = (long)DType.F16 });
            var y = OpRunner.One(op, 16, [x]).Span<float>().ToArray();
            var yw = OpRunner.One(op, 16, [wide]).Span<double>().ToArray();
            var yh = OpRunner.One(op, 16, [half]).Span<Half>().ToArray();
            for (int i = 0; i < n; i++)
            {
                Assert.True(Math.Abs(y[i] - yw[i]) <= 1e-6 * Math.Max(1, Math.Abs(yw[i])), $"{op}({x.Span<float>()[i]}) = {y[i]}, in f64 {yw[i]}");
                if (op is not ("Tan" or "Reciprocal" or "Floor" or "Ceil" or "Round")) Assert.True(Math.Abs(y[i] - (double)yh[i]) <= 4e-3 * Math.Max(1, Math.Abs(y[i])), $"{op} in f16");
            }
        }
    }

    [Fact]
    public void Round_goes_to_even() => Assert.Equal([0, 2, 2, -2, -0f, 3], Floats("Round", 11, F(0.5f, 1.5f, 2.5f, -2.5f, -0.5f, 2.6f)));

    [Fact]
    public void Sign_of_NaN_is_NaN_and_of_minus_zero_zero() => Assert.Equal([float.NaN, 0, -1, 1], Floats("Sign", 13, F(float.NaN, -0f, float.NegativeInfinity, 2)));

    [Fact]
    public void Broadcasting_matches_index_arithmetic_over_random_shapes()
    {
        var r = new Random(1);
        for (int trial = 0; trial < 300; trial++)
        {
            int rank = r.Next(0, 5);
            var y = new long[rank];
            for (int i = 0; i < rank; i++) y[i] = r.Next(r.Next(8) == 0 ? 0 : 1, 9);
            long[] Operand() => [.. y[r.Next(0, rank + 1)..].Select(d => r.Next(3) == 0 ? 1 : d)];
            var (a, b) = (Random(new Shape(Operand()), trial), Random(new Shape(Operand()), trial + 1));
            var shape = Shape.Broadcast(a.Shape, b.Shape);
            var sum = OpRunner.One("Add", 14, [a, b]);
            var less = OpRunner.One("Less", 13, [a, b]);
            Assert.Equal(shape, sum.Shape);
            for (int i = 0; i < shape.Count; i++)
            {
                float p = a.Span<float>()[At(shape, a.Shape, i)], q = b.Span<float>()[At(shape, b.Shape, i)];
                Assert.Equal(p + q, sum.Span<float>()[i]);
                Assert.Equal(p < q, less.Bytes[i] != 0);
            }
        }
    }

    private static int At(Shape y, Shape x, int index)
    {
        long at = 0, step = 1;
        for (int axis = 1; axis <= y.Rank; axis++)
        {
            long i = index % y[-axis];
            index = (int)(index / y[-axis]);
            if (axis > x.Rank) continue;
            if (x[-axis] != 1) at += i * step;
            step *= x[-axis];
        }
        return (int)at;
    }

    [Fact]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        var x = Random(new Shape(7, 9001), 3);
        var s = Random(new Shape(7, 1), 4);
        var plan = new BroadcastPlan(x.Shape, x.Shape, s.Shape);
        float[] one = new float[x.Shape.Count], many = new float[x.Shape.Count];
        using var pool = new Workers(3);
        BinaryLoop.Simd(Workers.Single, plan, default(MulOp), x.Span<float>(), s.Span<float>(), one);
        BinaryLoop.Simd(pool, plan, default(MulOp), x.Span<float>(), s.Span<float>(), many);
        Assert.Equal(one, many);
        UnaryLoop.Simd(Workers.Single, default(ExpOp), one, one);
        UnaryLoop.Simd(pool, default(ExpOp), many, many);
        Assert.Equal(one, many);
    }

    [Fact]
    public void Old_broadcast_attributes_place_the_second_operand_at_an_axis()
    {
        var a = Tensor.From(new Shape(2, 3, 2), new float[12]);
        var y = OpRunner.One("Add", 6, [a, F(1, 2, 3)], new() { ["broadcast"] = 1L, ["axis"] = 1L });
        Assert.Equal([1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3], y.Span<float>().ToArray());
        Assert.Equal([-1, -1, -2, -2, -3, -3], OpRunner.One("PRelu", 6, [Tensor.From(new Shape(1, 3, 2), Enumerable.Repeat(-1f, 6).ToArray()), F(1, 2, 3)]).Span<float>().ToArray());
    }

    [Fact]
    public void Integer_division_truncates_and_never_crashes()
    {
        Assert.Equal([-3, 3, int.MinValue], OpRunner.One("Div", 14, [Tensor.Vector(-7, 7, int.MinValue), Tensor.Vector(2, 2, -1)]).Span<int>().ToArray());
        Assert.Equal([255, 2], OpRunner.One("Div", 14, [Tensor.Vector<byte>(255, 5), Tensor.Vector<byte>(1, 2)]).Span<byte>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("Div", 14, [Tensor.Vector(1, 2), Tensor.Vector(1, 0)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("Mod", 13, [Tensor.Vector(1L), Tensor.Vector(0L)]));
    }

    [Fact]
    public void Mod_takes_the_divisors_sign_or_the_dividends()
    {
        var (a, b) = (Tensor.Vector(-4, 7, 5, 4, -7, 8, int.MinValue), Tensor.Vector(2, -3, 8, -2, 3, 5, -1));
        Assert.Equal([0, -2, 5, 0, 2, 3, 0], OpRunner.One("Mod", 13, [a, b]).Span<int>().ToArray());
        Assert.Equal([0, 1, 5, 0, -1, 3, 0], OpRunner.One("Mod", 13, [a, b], new() { ["fmod"] = 1L }).Span<int>().ToArray());
        Assert.Equal([-1.5f, 1.5f], OpRunner.One("Mod", 13, [F(-7.5f, 7.5f), F(3, -3)], new() { ["fmod"] = 1L }).Span<float>().ToArray());
    }

    [Fact]
    public void Pow_mixes_types()
    {
        Assert.Equal([1, 32, 729], OpRunner.One("Pow", 15, [Tensor.Vector(1, 2, 3), F(4, 5, 6)]).Span<int>().ToArray());
        Assert.Equal([1, 32, 729], OpRunner.One("Pow", 15, [F(1, 2, 3), Tensor.Vector(4L, 5, 6)]).Span<float>().ToArray());
        Assert.Equal([0, -1, 1, 1L << 40], OpRunner.One("Pow", 15, [Tensor.Vector(2L, -1, 1, 2), Tensor.Vector(-1L, -3, -9, 40)]).Span<long>().ToArray());
        Assert.Equal([4, 6.25f], OpRunner.One("Pow", 15, [F(2, -2.5f), Tensor.Scalar(2f)]).Span<float>().ToArray());
    }

    [Fact]
    public void Shifts_by_the_width_or_more_give_zero()
    {
        Assert.Equal([64, 0, 0], OpRunner.One("BitShift", 11, [Tensor.Vector<byte>(16, 1, 255), Tensor.Vector<byte>(2, 8, 200)], new() { ["direction"] = "LEFT" }).Span<byte>().ToArray());
        Assert.Equal([4, 0, 0], OpRunner.One("BitShift", 11, [Tensor.Vector<byte>(16, 1, 255), Tensor.Vector<byte>(2, 8, 200)], new() { ["direction"] = "RIGHT" }).Span<byte>().ToArray());
    }

    [Fact]
    public void Extrema_propagate_NaN_and_take_any_number_of_inputs()
    {
        Assert.Equal([float.NaN, 3, 2], OpRunner.One("Max", 13, [F(float.NaN, 3, 1), F(1, 2, 2)]).Span<float>().ToArray());
        Assert.Equal([float.NaN, 1, 0], OpRunner.One("Min", 13, [F(1, 2, 2), F(float.NaN, 3, 1), F(3, 1, 0)]).Span<float>().ToArray());
        Assert.Equal([ulong.MaxValue], OpRunner.One("Max", 13, [Tensor.Vector(ulong.MaxValue), Tensor.Vector(1UL)]).Span<ulong>().ToArray());
        Assert.Equal(new Shape(2, 2), OpRunner.One("Mean", 13, [F(1, 2), Tensor.From(new Shape(2, 1), new float[] { 3, 4 }), Tensor.Scalar(2f)]).Shape);
        Assert.Equal([2, 7f / 3, 7f / 3, 8f / 3], OpRunner.One("Mean", 13, [F(1, 2), Tensor.From(new Shape(2, 1), new float[] { 3, 4 }), Tensor.Scalar(2f)]).Span<float>().ToArray(), (e, v) => Math.Abs(e - v) < 1e-6f);
        Assert.Equal([5], OpRunner.One("Sum", 13, [F(5)]).Span<float>().ToArray());
    }

    [Fact]
    public void Clip_reads_bounds_from_attributes_or_inputs()
    {
        Assert.Equal([-1, 0.5f, 1, float.NaN], Floats("Clip", 6, F(-2, 0.5f, 3, float.NaN), new() { ["min"] = -1f, ["max"] = 1f }));
        Assert.Equal([0, 0.5f, 3], OpRunner.One("Clip", 13, [F(-2, 0.5f, 3), Tensor.Scalar(0f)]).Span<float>().ToArray());
        Assert.Equal([-2, 0.5f, 1], OpRunner.One("Clip", 13, [F(-2, 0.5f, 3), null, Tensor.Scalar(1f)]).Span<float>().ToArray());
        Assert.Equal([long.MaxValue - 1, 5], OpRunner.One("Clip", 13, [Tensor.Vector(long.MaxValue, 1), Tensor.Scalar(5L), Tensor.Scalar(long.MaxValue - 1)]).Span<long>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("Clip", 13, [F(1), F(1, 2)]));
    }

    [Fact]
    public void Where_selects_any_type()
    {
        var c = Tensor.From(new Shape(2, 1), new[] { true, false });
        Assert.Equal([1, 2, 9, 9], OpRunner.One("Where", 16, [c, F(1, 2), Tensor.Scalar(9f)]).Span<float>().ToArray());
        Assert.Equal(["a", "b", "z", "z"], OpRunner.One("Where", 16, [c, new Tensor(new Shape(2), ["a", "b"]), new Tensor(Shape.Scalar, ["z"])]).Strings);
    }

    [Fact]
    public void Equal_compares_strings_and_truth_values()
    {
        Assert.Equal([1, 0], OpRunner.One("Equal", 19, [new Tensor(new Shape(2), ["a", "b"]), new Tensor(Shape.Scalar, ["a"])]).Bytes.ToArray());
        Assert.Equal([1, 0], OpRunner.One("Equal", 13, [Tensor.Vector(true, false), Tensor.Vector(true, true)]).Bytes.ToArray());
        Assert.Equal([0, 1, 0], OpRunner.One("Xor", 7, [Tensor.Vector(true, false, false), Tensor.Vector(true, true, false)]).Bytes.ToArray());
    }

    [Fact]
    public void Identity_passes_every_kind_of_value()
    {
        var s = new TensorSequence([F(1)]);
        Assert.Same(s, OpRunner.Run("Identity", 16, [s])[0]);
        Assert.Same(AbsentValue.Instance, OpRunner.Run("Identity", 16, [AbsentValue.Instance])[0]);
        Assert.Equal(["x"], OpRunner.One("Identity", 16, [new Tensor(new Shape(1), ["x"])]).Strings);
    }

    [Fact]
    public void Infinities_and_NaN_are_found()
    {
        var x = F(float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1);
        Assert.Equal([1, 0, 0, 0], OpRunner.One("IsNaN", 13, [x]).Bytes.ToArray());
        Assert.Equal([0, 1, 1, 0], OpRunner.One("IsInf", 10, [x]).Bytes.ToArray());
        Assert.Equal([0, 1, 0, 0], OpRunner.One("IsInf", 10, [x], new() { ["detect_negative"] = 0L }).Bytes.ToArray());
    }

    [Fact]
    public void Shrink_pulls_towards_zero()
    {
        Assert.Equal([-0.5f, 0, 0, 0, 0.5f], Floats("Shrink", 9, F(-2, -1, 0, 1, 2), new() { ["lambd"] = 1.5f, ["bias"] = 1.5f }));
        Assert.Equal([-2, 0, 2], OpRunner.One("Shrink", 9, [Tensor.Vector(-3, 0, 3)], new() { ["lambd"] = 1f, ["bias"] = 1f }).Span<int>().ToArray());
    }

    [Fact]
    public void Wrong_types_are_refused()
    {
        Assert.Throws<OperatorException>(() => OpRunner.One("Add", 14, [F(1), Tensor.Vector(1)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("Exp", 13, [Tensor.Vector(1)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("Add", 14, [F(1, 2), F(1, 2, 3)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("And", 7, [F(1), F(1)]));
    }
}
