using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Attention as exporters write it: one fused step, the interpreter's result.</summary>
public class AttentionFusionTests
{
    private readonly GraphBuilder _g = new();
    private readonly List<RuntimeValue> _inputs = [];

    private Value Input(string name, params long[] dims)
    {
        var s = new Shape(dims);
        _inputs.Add(Tensor.From(s, TestData.Floats(s.Count, _inputs.Count + 1)));
        return _g.Input(name, DType.F32);
    }

    private Value Op(string op, params Value?[] inputs) => _g.Op(op, 13, inputs);

    private Value Number(double v) => _g.Constant(Tensor.From(Shape.Scalar, new float[] { (float)v }));

    private Value Reshape(Value x, params long[] dims) => Op("Reshape", x, _g.Constant(Tensor.Vector(dims)));

    private Value Transpose(Value x, params long[] perm) => _g.Op("Transpose", 13, [x], new() { ["perm"] = perm });

    private List<string> Run()
    {
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(_g.Graph, _inputs)[0];
        var steps = new List<string>();
        var program = new Runtime.Program(_g.Graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        using var workers = new Workers(2);
        var executor = new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => steps.AddRange(p.Steps.Select(s => s.Operator)) });
        var outputs = new RuntimeValue?[_g.Graph.Outputs.Count];
        executor.Run([.. _inputs], outputs);
        AssertEx.Close(expected, (Tensor)outputs[0]!, 2e-5);
        return steps;
    }

    private Value Scaled(Value v, double factor, bool divide) => factor == 1 ? v : divide ? Op("Div", v, Number(1 / factor)) : Op("Mul", v, Number(factor));

    private Value Masked(Random r, Value scores, params long[] shape)
    {
        long[] dims = r.Next(4) switch { 0 => shape, 1 => [.. shape.Select((d, i) => i == shape.Length - 2 || i == 1 && shape.Length == 4 ? 1 : d)], 2 => [shape[^2], shape[^1]], _ => [1, shape[^1]] };
        var s = new Shape(dims);
        int form = r.Next(5);
        if (form is 1 or 2)
        {
            var hidden = Tensor.Allocate(DType.Bool, s);
            for (int i = 0; i < s.Count; i++) hidden.Bytes[i] = (byte)(i % (int)s[-1] == 0 == (form == 1) || r.Next(2) == 0 == (form == 1) ? 1 : 0);
            var fill = Number(r.Next(2) == 0 ? double.NegativeInfinity : -1e9);
            scores = form == 1 ? Op("Where", _g.Constant(hidden), scores, fill) : Op("Where", _g.Constant(hidden), fill, scores);
        }
        if (form is 2 or 3)
        {
            var bias = _g.Constant(Tensor.From(s, TestData.Floats(s.Count, r.Next())));
            scores = r.Next(2) == 0 ? Op("Add", scores, bias) : Op("Add", bias, scores);
        }
        return scores;
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void Any_form_becomes_one_step(int layout)
    {
        for (int seed = 0; seed < 25; seed++)
        {
            var test = new AttentionFusionTests();
            test.Form(layout, new Random(100 * layout + seed));
            var steps = test.Run();
            Assert.Contains("Attention", steps);
            Assert.DoesNotContain("Softmax", steps);
            Assert.DoesNotContain("Transpose", steps);
        }
    }

    private void Form(int layout, Random r)
    {
        long b = r.Next(1, 3), n = r.Next(1, 5), d = r.Next(1, 20), s = r.Next(1, 40), t = layout is 1 or 2 ? s : r.Next(1, 40), e = n * d;
        Value q, k, v;
        switch (layout)
        {
            case 0:
                (q, k, v) = (Input("q", b, s, e), Input("k", b, t, e), Input("v", b, t, e));
                Value Split(Value x, params long[] perm) => Transpose(Reshape(x, 0, 0, n, d), perm);
                (q, v) = (Split(q, 0, 2, 1, 3), Split(v, 0, 2, 1, 3));
                k = r.Next(2) == 0 ? Split(k, 0, 2, 3, 1) : Transpose(Split(k, 0, 2, 1, 3), 0, 1, 3, 2);
                break;
            case 1:
                var all = Transpose(Reshape(Input("x", b, s, 3 * e), b, s, 3, n, d), 2, 0, 3, 1, 4);
                Value Pick(long i) => Op("Gather", all, _g.Constant(Tensor.From(Shape.Scalar, new[] { i })));
                (q, k, v) = (Pick(0), Transpose(Pick(1), 0, 1, 3, 2), Pick(2));
                break;
            case 2:
                var parts = _g.Ops("Split", 13, [Input("x", b, s, 3 * e), _g.Constant(Tensor.Vector(e, e, e))], new() { ["axis"] = -1L }, 3);
                (q, k, v) = (Transpose(Reshape(parts[0], 0, 0, n, d), 0, 2, 1, 3), Transpose(Reshape(parts[1], 0, 0, n, d), 0, 2, 3, 1), Transpose(Reshape(parts[2], 0, 0, n, d), 0, 2, 1, 3));
                break;
            default:
                Value Joined(Value x, long length) => Transpose(Reshape(x, length, b * n, d), 1, 0, 2);
                (q, k, v) = (Joined(Input("q", s, b, e), s), Transpose(Joined(Input("k", t, b, e), t), 0, 2, 1), Joined(Input("v", t, b, e), t));
                break;
        }
        double scale = 1 / Math.Sqrt(d);
        int where = r.Next(4);
        if (where == 0) q = Scaled(q, scale, r.Next(2) == 0);
        if (where == 1) (q, k) = (Scaled(q, Math.Sqrt(scale), false), Scaled(k, Math.Sqrt(scale), false));
        var scores = Op("MatMul", q, k);
        if (where == 2) scores = Scaled(scores, scale, r.Next(2) == 0);
        long[] shape = layout == 3 ? [b * n, s, t] : [b, n, s, t];
        var weights = _g.Op("Softmax", 13, [Masked(r, scores, shape)], new() { ["axis"] = r.Next(2) == 0 ? -1L : shape.Length - 1 });
        var y = Op("MatMul", weights, v);
        if (layout == 3) y = Reshape(Transpose(y, 1, 0, 2), s, b, e);
        else y = Reshape(Transpose(y, 0, 2, 1, 3), 0, 0, e);
        _g.Output(r.Next(2) == 0 ? y : Op("Relu", y));
    }

    [Fact]
    public void Scores_that_somebody_else_reads_are_kept()
    {
        Value q = Input("q", 2, 3, 7, 5), k = Input("k", 2, 3, 5, 9), v = Input("v", 2, 3, 9, 4);
        var weights = _g.Op("Softmax", 13, [Op("MatMul", q, k)]);
        _g.Output(Op("MatMul", weights, v));
        _g.Output(weights);
        Assert.DoesNotContain("Attention", Run());
    }

    [Fact]
    public void Softmax_over_queries_is_no_attention()
    {
        Value q = Input("q", 2, 3, 7, 5), k = Input("k", 2, 3, 5, 9), v = Input("v", 2, 3, 9, 4);
        _g.Output(Op("MatMul", _g.Op("Softmax", 13, [Op("MatMul", q, k)], new() { ["axis"] = -2L }), v));
        Assert.DoesNotContain("Attention", Run());
    }

    [Fact]
    public void A_mask_after_which_is_scaled_is_left_alone()
    {
        Value q = Input("q", 2, 3, 7, 5), k = Input("k", 2, 3, 5, 9), v = Input("v", 2, 3, 9, 4);
        var scores = Op("Mul", Op("Add", Op("MatMul", q, k), Input("bias", 7, 9)), Number(0.3));
        _g.Output(Op("MatMul", _g.Op("Softmax", 13, [scores]), v));
        Assert.DoesNotContain("Attention", Run());
    }

    [Fact]
    public void Keys_shared_by_all_heads_and_plain_matrices_are_attention_too()
    {
        Value q = Input("q", 2, 3, 7, 5), k = Input("k", 2, 1, 5, 9), v = Input("v", 1, 1, 9, 4);
        _g.Output(Op("MatMul", _g.Op("Softmax", 13, [Op("MatMul", q, k)]), v));
        Assert.Contains("Attention", Run());

        var plain = new AttentionFusionTests();
        Value a = plain.Input("q", 7, 5), b = plain.Input("k", 5, 9), c = plain.Input("v", 9, 4);
        plain._g.Output(plain.Op("MatMul", plain._g.Op("Softmax", 13, [plain.Op("MatMul", a, b)]), c));
        Assert.Contains("Attention", plain.Run());
    }
}
