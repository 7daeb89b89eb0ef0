using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

public class QdqLoweringTests
{
    // Two convolutions, a residual sum, a pool and a classifier.
    private static (ModelGraph Graph, Tensor Input) Cnn(int seed, bool signed, bool quantizedOutput)
    {
        var q = new QdqGraph(seed);
        var code = signed ? DType.I8 : DType.U8;
        int Zero(int unsigned) => signed ? unsigned - 128 : unsigned;
        var pads = new Dictionary<string, object> { ["pads"] = new long[] { 1, 1, 1, 1 } };

        var x = q.Pair(q.Input(1, 3, 13, 11), 0.016f, Zero(125), code);
        var a = q.Pair(q.Node("Relu", [q.Node("Conv", [x, q.Weight(0, 0.004f, 10, 3, 3, 3), q.Bias(10, 0.0003f)], pads)]), 0.05f, Zero(0), code);
        var b = q.Pair(q.Node("Conv", [a, q.Weight(-1, 0.003f, 10, 10, 3, 3), null], pads), 0.06f, Zero(120), code);
        var sum = q.Pair(q.Node("Relu", [q.Node("Add", [a, b])]), 0.08f, Zero(3), code);
        var pool = q.Pair(q.Node("MaxPool", [sum], new() { ["kernel_shape"] = new long[] { 2, 2 }, ["strides"] = new long[] { 2, 2 } }), 0.08f, Zero(3), code);
        var flat = q.Pair(q.Node("Flatten", [pool]), 0.08f, Zero(3), code);
        var hidden = q.Pair(q.Node("Gemm", [flat, q.Weight(0, 0.002f, 20, 300), q.Bias(20, 0.0004f)], new() { ["transB"] = 1L }), 0.3f, Zero(128), code);
        var y = q.Node("MatMul", [hidden, q.Weight(1, 0.002f, 20, 7)]);
        q.Graph.Outputs.Add(quantizedOutput ? q.Pair(y, 0.2f, Zero(100), code) : y);
        return (q.Graph, q.Random(1, 3, 13, 11));
    }

    private static RewriteContext Context => new(new NodeEvaluator(CpuKernels.Standard));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Quantize_and_dequantize_vanish_from_a_network(bool quantizedOutput)
    {
        var (graph, _) = Cnn(1, false, quantizedOutput);
        var output = graph.Outputs[0];

        Rewriter.Run(graph, Context, 2);

        Assert.DoesNotContain(graph.Nodes, n => n.Op.Name is "QuantizeLinear" or "DequantizeLinear");
        Assert.Equal(["Conv", "Relu", "Conv", "Add", "Relu", "MaxPool", "Flatten", "Gemm", "MatMul"], graph.Nodes.Select(n => n.Op.Name));
        Assert.Equal(new WireQuantization(DType.U8, 0.016f, 125), graph.Inputs[0].Quantization);
        Assert.Same(output, graph.Outputs[0]);
        Assert.Equal(quantizedOutput, output.Quantization is not null);
        Assert.All(graph.Nodes.Where(n => n.Op.Name is "Conv" or "Gemm" or "MatMul"), n => Assert.IsType<Quantized>(n.Inputs[1]!.Constant));
        Assert.Null(graph.Nodes[0].Outputs[0]!.Quantization);
        Assert.NotNull(graph.Nodes[1].Outputs[0]!.Quantization);
    }

    [Fact]
    public void Lower_levels_keep_the_pairs()
    {
        var (graph, _) = Cnn(1, false, false);
        Rewriter.Run(graph, Context, 1);
        Assert.Equal(7, graph.Nodes.Count(n => n.Op.Name == "QuantizeLinear"));
    }

    [Fact]
    public void A_wire_that_is_also_read_unrounded_keeps_its_pair()
    {
        var q = new QdqGraph(2);
        var x = q.Input(1, 8);
        var r = q.Node("Relu", [x]);
        q.Graph.Outputs.Add(q.Node("Add", [q.Pair(r, 0.1f, 0), r]));
        Rewriter.Run(q.Graph, Context, 2);
        Assert.Contains(q.Graph.Nodes, n => n.Op.Name == "QuantizeLinear");
        Assert.All(q.Graph.Nodes, n => Assert.Null(n.Outputs[0]!.Quantization));
    }

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(2, true, false)]
    [InlineData(3, false, true)]
    [InlineData(4, true, true)]
    public void A_plan_on_codes_equals_the_quantized_graph_run_node_by_node(int seed, bool signed, bool quantizedOutput)
    {
        var (reference, input) = Cnn(seed, signed, quantizedOutput);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(reference, [input])[0];
        var (graph, _) = Cnn(seed, signed, quantizedOutput);
        Rewriter.Run(graph, Context, 2);

        var rounded = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [input])[0];
        List<string> stems = [];
        var program = new Program(graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        var outputs = new RuntimeValue?[1];
        new Executor(program, Workers.Single, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([input], outputs);

        AssertClose(expected, rounded);
        AssertClose(expected, (Tensor)outputs[0]!);
        // Without vectors for codes, f32 is faster, and the planner knows.
        if (GemmU8S8.Table.Tier == "scalar") return;
        Assert.Equal(2, stems.Count(s => s == "conv-u8s8"));
        Assert.Equal(2, stems.Count(s => s == "gemm-u8s8"));
        Assert.Contains("add-u8", stems);
        Assert.Contains("max-pool-u8", stems);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Convolutions_in_f32_read_rounded_values_too(int seed, bool signed)
    {
        // Blocked channels become codes by way of plain values, which nobody may find again.
        var kernels = new KernelRegistry(CpuKernels.Standard).Prefer<Conv>(c => c.Stem.StartsWith("conv-blocked", StringComparison.Ordinal));
        var (reference, input) = Cnn(seed, signed, quantizedOutput: false);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(reference, [input])[0];
        var (graph, _) = Cnn(seed, signed, quantizedOutput: false);
        Rewriter.Run(graph, Context, 2);
        List<string> stems = [];
        var outputs = new RuntimeValue?[1];
        new Executor(new Program(graph, kernels, new PackedWeights(), new PlanOptions()), Workers.Single, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([input], outputs);
        Assert.Equal(2, stems.Count(s => s.StartsWith("conv-blocked", StringComparison.Ordinal)));
        AssertClose(expected, (Tensor)outputs[0]!);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    public void A_bias_behind_a_product_is_its_own(bool relu, bool quantizedOutput, bool biasFirst)
    {
        (ModelGraph, Tensor) Make()
        {
            var q = new QdqGraph(9);
            var x = q.Input(2, 60, 64);
            var product = q.Node("MatMul", [q.Pair(x, 0.02f, 120), q.Weight(1, 0.01f, 64, 48)]);
            var bias = q.Bias(48, 0.002f);
            var y = q.Node("Add", biasFirst ? [bias, product] : [product, bias]);
            if (relu) y = q.Node("Relu", [y]);
            q.Graph.Outputs.Add(quantizedOutput ? q.Pair(y, 0.05f, relu ? 0 : 128) : y);
            return (q.Graph, q.Random(2, 60, 64));
        }
        var (reference, input) = Make();
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(reference, [input])[0];
        var graph = Make().Item1;
        Rewriter.Run(graph, Context, 2);
        List<string> stems = [];
        var outputs = new RuntimeValue?[1];
        new Executor(new Program(graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions()), Workers.Single, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([input], outputs);
        AssertClose(expected, (Tensor)outputs[0]!);
        if (GemmU8S8.Table.Tier == "scalar") return;
        Assert.Contains("gemm-u8s8", stems);
        Assert.DoesNotContain("gemm-f32", stems);
    }

    // Sums in f32 and in integers may fall on two sides of a rounding tie; a step then moves later values a little.
    private static void AssertClose(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (e, a) = (expected.Span<float>().ToArray(), actual.Span<float>().ToArray());
        Assert.True(e.Distinct().Count() > 2);
        for (int i = 0; i < e.Length; i++) Assert.InRange(a[i], e[i] - 1e-4f * (1 + MathF.Abs(e[i])), e[i] + 1e-4f * (1 + MathF.Abs(e[i])));
    }
}
