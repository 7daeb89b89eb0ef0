using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Small binary networks through plans, each execution of their layers forced, against their float graphs: to the bit.</summary>
public class BinaryExecutionTests
{
    public static TheoryData<int> Seeds => new(Enumerable.Range(0, 24));

    // null is the planner's own choice.
    private static readonly string?[] s_stems = [null, "conv-binary", "conv-binary-fr", "conv-binary-mst"];

    private static KernelRegistry Forced(string? stem) =>
        stem is null ? CpuKernels.Standard : new KernelRegistry(CpuKernels.Standard).Prefer<BinaryConv>(c => c.Stem == stem || stem == "conv-binary" && c.Stem == "gemm-binary");

    private static (float[] Y, List<string> Stems) Run(ModelGraph graph, Tensor x, string? stem, int threads)
    {
        using var model = Model.Create(new ModelDefinition(graph), new ModelOptions { Kernels = Forced(stem) });
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        using var session = model.CreateSession(new SessionOptions { Threads = threads });
        return (((Tensor)session.Run(inputs).Values.Single()).Span<float>().ToArray(), [.. model.Plan(inputs).Steps.Select(s => s.Stem)]);
    }

    // Layers of random windows, pools and normalizations between signs; inputs are never 0.
    private static (BinaryGraph Graph, Tensor X) Network(int seed)
    {
        var g = new BinaryGraph(seed);
        int groups = g.Next(4) == 0 ? 2 : 1, channels = groups * (1 + g.Next(70)), batch = 1 + g.Next(3), height = 5 + g.Next(9), width = 5 + g.Next(14);
        var x = g.F32(batch, channels, height, width);
        var y = g.Sign(g.Input(), 1 + g.Next(4));
        for (int layer = 0, layers = 1 + g.Next(3); layer < layers; layer++)
        {
            int next = groups * (1 + g.Next(20)), k = 1 + g.Next(3);
            var window = g.Next(2) == 0 ? g.Window(k, groups) : new() { ["kernel_shape"] = new long[] { k, k }, ["auto_pad"] = "SAME_UPPER", ["group"] = (long)groups };
            if (!window.ContainsKey("auto_pad")) window["pads"] = new long[] { k, k, k, k };
            y = g.Conv(y, g.Signs(true, next, channels / groups, k, k), window);
            if (g.Next(3) == 0) y = g.Pool(y);
            y = g.Sign(g.Norm(y, next), 1 + g.Next(6));
            channels = next;
        }
        if (g.Next(2) == 0) y = g.Conv(y, g.Signs(true, 5, channels, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } });
        else y = g.Op("Gemm", [g.Op("Flatten", [g.Op("GlobalMaxPool", [y])]), g.Constant(g.Signs(true, 7, channels))], new() { ["transB"] = 1L });
        g.Output(y);
        return (g, x);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_execution_gives_what_the_float_graph_gives(int seed)
    {
        var (floats, x) = Network(seed);
        var expected = floats.Interpret(x).Span<float>().ToArray();
        foreach (var stem in s_stems)
        {
            var (y, stems) = Run(Network(seed).Graph.Graph, x, stem, 1 + seed % 3);
            Assert.Equal(expected, y);
            if (stem is not null) Assert.Contains(stem, stems);
        }
    }

    // Sums as f32 with a scale, a residual and a ReLU, from and to plain and blocked tensors.
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Residual_layers_give_the_same_in_every_execution(int seed)
    {
        ModelGraph Make(out Tensor x)
        {
            var g = new BinaryGraph(seed);
            int channels = 1 + g.Next(40);
            // Sums of halves are exact in any order; what follows makes numbers of them.
            var y = g.Input();
            if (seed % 2 == 0) y = g.Op("Relu", [g.Conv(y, g.Signs(true, channels, channels, 1, 1), [])]);
            y = g.Norm(y, channels);
            for (int i = 0; i < 2; i++)
            {
                var sum = g.Op("Add", [g.Norm(g.Conv(g.Sign(y, 1), g.Signs(true, channels, channels, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), channels), y]);
                y = seed % 3 == 0 ? g.Op("Relu", [sum]) : sum;
            }
            g.Output(y);
            x = g.F32(1 + g.Next(3), channels, 4 + g.Next(9), 4 + g.Next(20));
            foreach (ref float v in x.Span<float>()) v = MathF.Round(2 * v) / 2;
            return g.Graph;
        }
        var packed = Run(Make(out var x), x, "conv-binary", 1);
        Assert.Equal(2, packed.Stems.Count(s => s == "conv-binary"));
        foreach (var stem in s_stems)
        {
            var (y, stems) = Run(Make(out _), x, stem, 1 + seed % 3);
            // A convolution of numbers in front adds in another order where it lies otherwise.
            for (int i = 0; i < y.Length; i++) Assert.Equal(packed.Y[i], y[i], seed % 2 == 0 ? 1e-5 : 0);
            if (stem is not null) Assert.Equal(2, stems.Count(s => s == stem));
        }
    }

    // Results of the chain's inner layers are written where the shortcut lay, and their signs beside them.
    [Theory]
    [InlineData(64, "conv-binary")]
    [InlineData(70, "conv-binary")]
    [InlineData(70, "conv-binary-fr")]
    public void Signs_of_residual_layers_are_made_where_results_are_stored(int channels, string stem)
    {
        var g = new BinaryGraph(9);
        var y = g.Norm(g.Input(), channels);
        for (int i = 0; i < 4; i++) y = g.Op("Add", [g.Norm(g.Conv(g.Sign(y, 1), g.Signs(true, channels, channels, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), channels), y]);
        g.Output(g.Op("GlobalAveragePool", [y]));
        var x = g.F32(2, channels, 9, 7);
        var expected = g.Interpret(x);
        using var model = Model.Create(new ModelDefinition(g.Graph), new ModelOptions { Kernels = Forced(stem) });
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        var layers = model.Plan(inputs).Steps.Where(s => s.Operator.StartsWith("engine.BinaryConv", StringComparison.Ordinal)).ToList();
        Assert.Equal(["engine.BinaryConv+Add+BinarySign", "engine.BinaryConv+Add+BinarySign", "engine.BinaryConv+Add+BinarySign", "engine.BinaryConv+Add"], layers.Select(s => s.Operator));
        Assert.All(layers, s => Assert.Contains(s.Outputs[0], s.Inputs));
        foreach (int threads in (int[])[1, 3])
        {
            using var session = model.CreateSession(new SessionOptions { Threads = threads });
            var actual = (Tensor)session.Run(inputs).Values.Single();
            // Where a CPU has no fused multiply-add the float graph rounds a normalization twice.
            Assert.Null(ValueComparer.Compare(expected, actual, 1e-5, 1e-5));
        }
    }

    // Channels last, as other frameworks flatten: the product's weights change order and the wire stays in bits.
    [Theory]
    [InlineData("Flatten")]
    [InlineData("Reshape")]
    public void Maps_are_flattened_in_any_order_of_axes(string flatten)
    {
        var g = new BinaryGraph(12);
        var y = g.Conv(g.Sign(g.Input(), 1), g.Signs(true, 21, 9, 3, 3), []);
        y = g.Op("Transpose", [g.Sign(g.Norm(y, 21), 1)], new() { ["perm"] = new long[] { 0, 2, 3, 1 } });
        y = flatten == "Flatten" ? g.Op(flatten, [y]) : g.Op(flatten, [y, g.Constant(Tensor.Vector<long>(2, -1))]);
        g.Output(g.Op("Gemm", [y, g.Constant(g.Signs(true, 11, 4 * 5 * 21))], new() { ["transB"] = 1L }));
        var x = g.F32(2, 9, 6, 7);
        var expected = g.Interpret(x).Span<float>().ToArray();
        var (actual, stems) = Run(g.Graph, x, "conv-binary", 2);
        Assert.Equal(expected, actual);
        Assert.Equal(2, stems.Count(s => s == "conv-binary"));
        Assert.DoesNotContain("transpose", stems);
    }

    // Aligned layers one behind the other stay in planes, whatever their batch, and words are met at the edges alone.
    [Theory]
    [InlineData(1, 28)]
    [InlineData(3, 7)]
    public void Chains_stay_in_planes(int batch, int size)
    {
        var g = new BinaryGraph(4);
        var y = g.Sign(g.Input(), 1);
        for (int i = 0; i < 3; i++) y = g.Sign(g.Norm(g.Conv(y, g.Signs(true, 70, 70, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), 70), 1);
        g.Output(g.Conv(y, g.Signs(true, 4, 70, 3, 3), []));
        var x = g.F32(batch, 70, size, size);
        var (_, stems) = Run(g.Graph, x, "conv-binary-fr", 1);
        // The last layer has no padding: its outputs are not the inputs' pixels, so that it gathers them from words.
        Assert.Equal(["sign-planes", "conv-binary-fr", "conv-binary-fr", "conv-binary-fr", "planes(1) → bits(1)", "conv-binary-fr"], stems);
    }

    // A dense layer behind a flattened map is a convolution as wide as the map, and its outputs are bits of [N, M].
    [Theory]
    [InlineData(null)]
    [InlineData("conv-binary")]
    [InlineData("conv-binary-fr")]
    public void Flattened_maps_keep_their_bits(string? stem)
    {
        static BinaryGraph Make()
        {
            var g = new BinaryGraph(9);
            var y = g.Op("Flatten", [g.Sign(g.Input(), 1)]);
            y = g.Sign(g.Norm(g.Op("Gemm", [y, g.Constant(g.Signs(true, 33, 70 * 5 * 3))], new() { ["transB"] = 1L }), 33), 1);
            g.Output(g.Op("Gemm", [y, g.Constant(g.Signs(true, 9, 33))], new() { ["transB"] = 1L }));
            return g;
        }
        var floats = Make();
        var x = floats.F32(3, 70, 5, 3);
        var (y, stems) = Run(Make().Graph, x, stem, 2);
        Assert.Equal(floats.Interpret(x).Span<float>().ToArray(), y);
        Assert.All(stems, s => Assert.True(s is "sign-bits" or "sign-planes" or "conv-binary" or "conv-binary-fr" or "conv-binary-mst" or "gemm-binary" || s.Contains("bits(1)", StringComparison.Ordinal) && s.Contains("planes(1)", StringComparison.Ordinal), s));
    }

    [Fact]
    public void Plans_say_what_each_execution_was_estimated_at()
    {
        var g = new BinaryGraph(3);
        g.Output(g.Conv(g.Sign(g.Input(), 1), g.Signs(true, 64, 64, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }));
        using var model = Model.Create(new ModelDefinition(g.Graph), new ModelOptions { Kernels = Forced("conv-binary-fr") });
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = g.F32(1, 64, 8, 8) };
        Assert.All(model.Plan(inputs).Steps, s => Assert.Equal("", s.Executions));
        using var free = Model.Create(new ModelDefinition(g.Graph));
        var step = Assert.Single(free.Plan(inputs).Steps, s => s.Node?.Op is BinaryConv);
        Assert.Matches(@"^\w+ [\d.]+ µs, \w+ [\d.]+ µs, \w+ [\d.]+ µs$", step.Executions);
        Assert.StartsWith(step.Stem switch { "conv-binary" => "packed", "conv-binary-fr" => "FR", _ => "MST" }, step.Executions, StringComparison.Ordinal);
    }

    [Fact]
    public void Plain_pools_allocate_nothing()
    {
        var g = new ModelGraph("pool");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, null)), y = new("y");
        g.Inputs.Add(x);
        g.Outputs.Add(y);
        g.Nodes.Add(new Node("pool", new BinaryMaxPool(new Attributes(1, new Dictionary<string, object> { ["kernel_shape"] = new long[] { 2, 2 } })), [x, Value.Of("d", Tensor.Vector<sbyte>(1, -1))], [y]));
        using var model = Model.Create(new ModelDefinition(g), new ModelOptions { OptimizationLevel = 1 });
        using var session = model.CreateSession(new SessionOptions { Threads = 1 });
        RuntimeValue[] inputs = [Tensor.From<float>(new Shape(1, 2, 2, 2), [1, -1, 1, 1, 1, 1, -1, 1])];
        var outputs = new RuntimeValue?[1];
        session.Run(inputs, outputs);
        Assert.Equal(new float[] { 1, -1 }, ((Tensor)outputs[0]!).Span<float>().ToArray());
        for (int i = 0; i < 3; i++) session.Run(inputs, outputs);
        long before = GC.GetAllocatedBytesForCurrentThread();
        session.Run(inputs, outputs);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
