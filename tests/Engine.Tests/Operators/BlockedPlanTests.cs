using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>A residual network planned with blocked tensors gives what the interpreter gives.</summary>
public class BlockedPlanTests
{
    private readonly ModelGraph _graph = new("residual");

    private static Value Constant(string name, int seed, params long[] dims)
    {
        var shape = new Shape(dims);
        return Value.Of(name, Tensor.From(shape, TestData.Floats(shape.Count, seed)));
    }

    private Value Add(string op, Value?[] inputs, params (string Name, object Value)[] attributes)
    {
        string name = $"{op}{_graph.Nodes.Count}";
        var y = new Value(name);
        var a = new Attributes(17, attributes.ToDictionary(p => p.Name, p => p.Value)) { InputCount = inputs.Length };
        _graph.Nodes.Add(new Node(name, OperatorRegistry.Standard.Create("", op, a, name), inputs, [y]));
        return y;
    }

    private Value Conv(Value x, int from, int to, int kernel, int stride = 1, int group = 1, bool bias = true)
    {
        int seed = _graph.Nodes.Count;
        Value?[] inputs = [x, Constant($"w{seed}", seed, to, from / group, kernel, kernel), .. bias ? new Value?[] { Constant($"b{seed}", seed + 100, to) } : []];
        long pad = kernel / 2, s = stride;
        return Add("Conv", inputs, ("pads", new[] { pad, pad, pad, pad }), ("strides", new[] { s, s }), ("group", (long)group));
    }

    private (List<string> Stems, float[] Expected, float[] Actual) Run(Value x, Value y, params long[] dims)
    {
        _graph.Inputs.Add(x);
        _graph.Outputs.Add(y);
        var shape = new Shape(dims);
        var input = Tensor.From(shape, TestData.Floats(shape.Count, 9));
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(_graph, [input])[0];
        var stems = new List<string>();
        var program = new Runtime.Program(_graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        using var workers = new Workers(2);
        var executor = new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => $"{s.Operator} {s.Stem}")) });
        var outputs = new RuntimeValue?[1];
        executor.Run([input], outputs);
        var actual = (Tensor)outputs[0]!;
        return (stems, expected.Span<float>().ToArray(), actual.Span<float>().ToArray());
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        float scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i] / scale, actual[i] / scale, 1e-5f);
    }

    [Fact]
    public void Residual_blocks_run_blocked_with_fused_steps()
    {
        var x = new Value("x");
        var stem = Add("MaxPool", [Add("Relu", [Conv(x, 3, 40, 7, 2)])], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));
        var inner = Add("Relu", [Conv(stem, 40, 40, 3)]);
        var sum = Add("Relu", [Add("Add", [Conv(inner, 40, 40, 3, bias: false), stem])]);
        var deep = Add("Sigmoid", [Conv(sum, 40, 40, 3, 2, 40)]);
        var wide = Conv(deep, 40, 72, 1);
        var (stems, expected, actual) = Run(x, Add("GlobalAveragePool", [wide]), 2, 3, 61, 45);
        AssertClose(expected, actual);
        // Without vectors there is nothing to gain from blocks, and the planner may choose otherwise.
        if (ConvBlocked.Table.Tier == "scalar") return;
        Assert.Contains("Conv+Relu conv-blocked-first", stems);
        Assert.Contains(stems, s => s is "Conv+Add+Relu conv-blocked" or "Conv+Add+Relu conv-winograd");
        Assert.Contains("Conv+Sigmoid conv-depthwise-blocked", stems);
        Assert.Contains("MaxPool max-pool-blocked", stems);
        Assert.Contains("GlobalAveragePool global-average-pool-blocked", stems);
        Assert.DoesNotContain(stems, s => s.StartsWith("Convert", StringComparison.Ordinal));
    }

    [Fact]
    public void Plain_neighbours_are_reached_through_converts()
    {
        var x = new Value("x");
        var a = Add("Softmax", [Conv(x, 32, 48, 3)], ("axis", 1L));
        var (stems, expected, actual) = Run(x, Conv(a, 48, 33, 3, bias: false), 1, 32, 17, 30);
        AssertClose(expected, actual);
        Assert.Contains(stems, s => s.StartsWith("Convert", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("linear", "half_pixel", 2f, 2f), InlineData("nearest", "asymmetric", 2f, 3f), InlineData("cubic", "align_corners", 1.5f, 0.7f), InlineData("linear", "pytorch_half_pixel", 0.4f, 1f)]
    public void Resizes_joins_and_heads_keep_blocks(string mode, string coordinates, float tall, float wide)
    {
        var x = new Value("x");
        var a = Conv(x, 32, 24, 3);
        var b = Conv(a, 24, 33, 1);
        var zeros = Constant("zeros", 5, 1, 10, 17, 30);
        var joined = Add("Concat", [a, zeros, b], ("axis", 1L));
        var resized = Add("Resize", [joined, null, Value.Of("scales", Tensor.From(new Shape(4), [1f, 1, tall, wide]))], ("mode", mode), ("coordinate_transformation_mode", coordinates));
        var c = Conv(resized, 67, 20, 3);
        var (stems, expected, actual) = Run(x, Add("Transpose", [c], ("perm", new long[] { 0, 2, 3, 1 })), 1, 32, 17, 30);
        AssertClose(expected, actual);
        if (ConvBlocked.Table.Tier == "scalar") return;
        Assert.Contains("Concat concat-blocked", stems);
        Assert.Contains("Resize resize-blocked", stems);
        Assert.Contains("Transpose channels-last-blocked", stems);
    }

    [Fact]
    public void Padding_before_a_convolution_becomes_its_own()
    {
        var x = new Value("x");
        var pads = Value.Of("pads", Tensor.From(new Shape(8), [0L, 0, 0, 1, 0, 0, 1, 2]));
        var y = Conv(Add("Pad", [x, pads]), 8, 20, 3, 2);
        _graph.Inputs.Add(x);
        _graph.Outputs.Add(y);
        var input = Tensor.From(new Shape(1, 8, 13, 15), TestData.Floats(8 * 13 * 15, 3));
        var interpreter = new Interpreter(CpuKernels.Standard);
        var expected = (Tensor)interpreter.Run(_graph, [input])[0];
        Assert.Equal(1, new FoldPad().Apply(_graph, null!));
        Assert.Single(_graph.Nodes);
        var actual = (Tensor)interpreter.Run(_graph, [input])[0];
        Assert.Equal(expected.Shape, actual.Shape);
        AssertClose(expected.Span<float>().ToArray(), actual.Span<float>().ToArray());
    }
}
