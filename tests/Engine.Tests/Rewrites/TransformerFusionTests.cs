using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Gelu, SiLU and layer normalization written out in small operators: one fused step, the interpreter's result.</summary>
public class TransformerFusionTests
{
    private readonly GraphBuilder _g = new();
    private readonly List<RuntimeValue> _inputs = [];

    private Value Input(params long[] dims)
    {
        var s = new Shape(dims);
        var values = TestData.Floats(s.Count, _inputs.Count + 1);
        for (int i = 0; i < values.Length; i++) values[i] *= 4;
        _inputs.Add(Tensor.From(s, values));
        return _g.Input($"x{_inputs.Count}", DType.F32);
    }

    private Value Op(string op, params Value?[] inputs) => _g.Op(op, 13, inputs);

    private Value Number(double v, int rank = 0) => _g.Constant(Tensor.From(rank == 0 ? Shape.Scalar : new Shape(1), new float[] { (float)v }));

    private Value Row(int seed, params long[] dims) => _g.Constant(Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, seed)));

    private List<string> Run()
    {
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(_g.Graph, _inputs)[0];
        var steps = new List<string>();
        var program = new Runtime.Program(_g.Graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        var executor = new Executor(program, Workers.Single, new ExecutorOptions { Poison = true, Planned = p => steps.AddRange(p.Steps.Select(s => s.Operator)) });
        var outputs = new RuntimeValue?[_g.Graph.Outputs.Count];
        executor.Run([.. _inputs], outputs);
        AssertEx.Close(expected, (Tensor)outputs[0]!, 2e-5);
        return steps;
    }

    private Value Times(Value a, Value b, bool swap) => swap ? Op("Mul", b, a) : Op("Mul", a, b);

    private Value Gelu(Value x, bool tanh, int order, bool swap)
    {
        int rank = order % 2;
        Value f;
        if (tanh)
        {
            var cube = swap ? Op("Mul", Op("Mul", x, x), x) : Op("Pow", x, Number(3));
            var inner = swap ? Op("Add", Times(cube, Number(0.044715), swap), x) : Op("Add", x, Times(Number(0.044715), cube, swap));
            f = Op("Tanh", Times(inner, Number(Math.Sqrt(2 / Math.PI), rank), swap));
        }
        else f = Op("Erf", swap ? Op("Mul", x, Number(Math.Sqrt(0.5))) : Op("Div", x, Number(Math.Sqrt(2), rank)));
        var sum = swap ? Op("Add", f, Number(1)) : Op("Add", Number(1, rank), f);
        return order switch
        {
            0 => Times(Times(x, sum, swap), Number(0.5), swap),
            1 => Times(Times(Number(0.5), x, swap), sum, swap),
            2 => Times(x, Times(sum, Number(0.5), swap), swap),
            _ => Op("Div", Times(x, sum, swap), Number(2)),
        };
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Gelu_in_any_order_joins_the_product_before_it(bool tanh)
    {
        for (int order = 0; order < 4; order++)
            foreach (bool swap in new[] { false, true })
            {
                var t = new TransformerFusionTests();
                var x = t.Op("MatMul", t.Input(7, 5), t.Row(3, 5, 19));
                t._g.Output(t.Gelu(x, tanh, order, swap));
                Assert.Equal(["MatMul+Gelu"], t.Run());
            }
    }

    [Fact]
    public void What_only_looks_like_gelu_is_left_alone()
    {
        var x = Input(7, 5);
        var erf = Op("Erf", Op("Div", x, Number(1.5)));
        _g.Output(Op("Mul", Op("Mul", x, Op("Add", erf, Number(1))), Number(0.5)));
        Assert.Contains("Erf", Run());

        var other = new TransformerFusionTests();
        Value a = other.Input(7, 5), b = other.Input(7, 5);
        var f = other.Op("Add", other.Op("Erf", other.Op("Div", a, other.Number(Math.Sqrt(2)))), other.Number(1));
        other._g.Output(other.Op("Mul", other.Op("Mul", b, f), other.Number(0.5)));
        Assert.Contains("Erf", other.Run());
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void X_times_its_sigmoid_joins_the_product_before_it(bool quick)
    {
        foreach (bool swap in new[] { false, true })
        {
            var t = new TransformerFusionTests();
            var x = t.Op("MatMul", t.Input(7, 5), t.Row(3, 5, 19));
            t._g.Output(t.Times(x, t.Op("Sigmoid", quick ? t.Times(x, t.Number(1.702), swap) : x), swap));
            Assert.Equal(["MatMul+QuickGelu"], t.Run());
        }
    }

    [Fact]
    public void Another_times_a_sigmoid_is_left_alone()
    {
        Value a = Input(7, 5), b = Input(7, 5);
        _g.Output(Op("Mul", b, Op("Sigmoid", a)));
        Assert.Contains("Sigmoid", Run());
    }

    private Value Mean(Value x, params long[] axes) => _g.Op("ReduceMean", 13, [x], new() { ["axes"] = axes });

    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7)]
    public void Layer_normalization_in_any_form_becomes_one_step(int form)
    {
        bool two = (form & 1) != 0, inverse = (form & 2) != 0, biased = (form & 4) == 0;
        long[] axes = two ? [-2, -1] : [2], dims = two ? [6, 9] : [9];
        var x = Input(2, 6, 9);
        var d = Op("Sub", x, Mean(x, axes));
        var again = inverse ? Op("Sub", x, Mean(x, axes)) : d;
        var root = Op("Sqrt", Op("Add", Mean(inverse ? Op("Mul", d, d) : Op("Pow", d, Number(2)), axes), Number(1e-5)));
        var y = Op("Mul", inverse ? Op("Mul", again, form == 2 ? Op("Reciprocal", root) : Op("Div", Number(1), root)) : Op("Div", again, root), Row(3, dims));
        _g.Output(biased ? Op("Add", y, Row(4, dims)) : y);
        Assert.Equal(["LayerNormalization"], Run());
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Normalization_by_mean_squares_becomes_one_step(bool inverse)
    {
        var x = Input(2, 6, 9);
        var root = Op("Sqrt", Op("Add", Mean(Op("Pow", x, Number(2)), -1), Number(1e-6)));
        var y = inverse ? Op("Mul", x, Op("Reciprocal", root)) : Op("Div", x, root);
        _g.Output(Op("Mul", Row(3, 9), y));
        Assert.Equal(["RMSNormalization"], Run());
    }

    [Fact]
    public void Statistics_over_other_axes_are_left_alone()
    {
        var x = Input(2, 6, 9);
        var d = Op("Sub", x, Mean(x, 1));
        var root = Op("Sqrt", Op("Add", Mean(Op("Pow", d, Number(2)), 1), Number(1e-5)));
        _g.Output(Op("Mul", Op("Div", d, root), Row(3, 6, 1)));
        Assert.Contains("Sqrt", Run());
    }
}
