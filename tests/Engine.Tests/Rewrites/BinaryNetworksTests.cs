using Engine.Cpu;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Binary networks as exporters write them become layers of bits that give, to the bit, what the float graph gives.</summary>
public class BinaryNetworksTests
{
    private static void Same(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.Span<float>().ToArray(), actual.Span<float>().ToArray());
    }

    public static TheoryData<int> Seeds => new(Enumerable.Range(0, 24));

    // Two binary layers behind a sign that is exact for any input; every sign of γ, paddings, strides, groups, pools, activations.
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Chains_are_exact(int seed)
    {
        var g = new BinaryGraph(seed);
        int groups = 1 + g.Next(2), channels = groups * (1 + g.Next(40)), middle = groups * (1 + g.Next(40)), k = 1 + g.Next(3);
        var y = g.Sign(g.Input(), 1 + g.Next(4));
        y = g.Conv(y, g.Signs(g.Next(2) == 0, middle, channels / groups, k, k), g.Window(k, groups), g.Next(3) == 0 ? g.F32(middle) : null);
        int pool = g.Next(3);
        if (pool == 1) y = g.Pool(y);
        switch (g.Next(4))
        {
            case 0:
                y = g.Op("Relu", [y]);
                break;
            case 1:
                y = g.Op("PRelu", [y, g.Constant(g.Signs(true, middle, 1, 1))]);
                break;
            case 2:
                y = g.Op("Mul", [y, g.Constant(g.F32(1, middle, 1, 1))]);
                break;
        }
        y = g.Norm(y, middle);
        if (pool == 2) y = g.Pool(y);
        y = g.Sign(y, g.Next(7));
        y = g.Conv(y, g.Signs(true, 5, middle, 2, 2), new() { ["pads"] = new long[] { 1, 1, 1, 1 } });
        g.Output(y);
        var x = g.F32(2, channels, 9, 8);
        var expected = g.Interpret(x);
        var (notes, interpreted, planned) = g.Rewritten(x, 1 + seed % 2);
        Same(expected, interpreted);
        Same(expected, planned);
        // PReLU with slopes below 0 has two edges; such a layer says so.
        Assert.Equal(2, notes.Count);
        Assert.All(notes, n => Assert.StartsWith("binary", n.Outcome, StringComparison.Ordinal));
        if (notes.All(n => n.Reason.Length == 0)) Assert.All(g.Graph.Nodes, n => Assert.True(n.Op is BinarySign or BinaryConv or BinaryMaxPool));
        Assert.Equal(2, g.Graph.Nodes.Count(n => n.Op is BinaryConv && n.Inputs[1]!.Constant is Binary));
    }

    // One layer between two signs, whose weights and what follows are given.
    private static (BinaryGraph Graph, IReadOnlyList<LayerNote> Notes) Layer(Func<BinaryGraph, Value, Value> first, Tensor? weights = null, int form = 1)
    {
        var g = new BinaryGraph(7);
        var y = g.Conv(g.Sign(g.Input(), form), weights ?? g.Signs(false, 4, 3, 3, 3), []);
        y = first(g, y);
        y = g.Conv(g.Sign(y, 0), g.Signs(false, 2, 4, 1, 1), []);
        g.Output(y);
        var x = g.F32(1, 3, 6, 6);
        var expected = g.Interpret(x);
        var (notes, interpreted, planned) = g.Rewritten(x);
        if (notes.All(n => n.Outcome != "float"))
        {
            Same(expected, interpreted);
            Same(expected, planned);
        }
        return (g, notes);
    }

    [Fact]
    public void Signs_that_may_be_zero_keep_their_layers_in_float()
    {
        // An input of the model may well be 0.
        var (_, notes) = Layer((g, v) => g.Norm(v, 4), form: 0);
        Assert.Contains("may be 0", notes.Single(n => n.Reason.Contains("input of the model", StringComparison.Ordinal)).Reason, StringComparison.Ordinal);
        // 27 signs and an offset of 3: the sum -3 gives 0 exactly.
        (_, notes) = Layer((g, v) => g.Op("Add", [v, g.Number(3)]), Ones());
        Assert.Contains(notes, n => n.Outcome == "float" && n.Reason.Contains("the sum -3", StringComparison.Ordinal));
        // Sums are odd: -2 is none of them.
        (_, notes) = Layer((g, v) => g.Op("Add", [v, g.Number(2)]), Ones());
        Assert.All(notes, n => Assert.Equal("", n.Reason.Length > 0 && n.Outcome == "binary, to bits" ? n.Reason : ""));
        Assert.Equal("binary, to bits", notes[0].Outcome);
    }

    private static Tensor Ones()
    {
        var t = Tensor.Allocate(DType.F32, new Shape(4, 3, 3, 3));
        for (int i = 0; i < t.Shape.Count; i++) t.Span<float>()[i] = i % 3 == 0 ? -1 : 1;
        return t;
    }

    // The first and the last layer, which stay as they are, are in the table too, and in the order of the network.
    [Fact]
    public void Layers_that_read_no_signs_say_so()
    {
        var g = new BinaryGraph(6);
        var y = g.Conv(g.Input(), g.F32(4, 3, 3, 3), []);
        y = g.Conv(g.Sign(g.Norm(y, 4), 1), g.Signs(true, 4, 4, 1, 1), []);
        g.Output(g.Op("Gemm", [g.Op("Flatten", [g.Norm(y, 4)]), g.Constant(g.F32(64, 5))]));
        var (notes, _, _) = g.Rewritten(g.F32(1, 3, 6, 6));
        Assert.Equal(["float", "binary, to f32", "float"], notes.Select(n => n.Outcome));
        Assert.All(notes.Where(n => n.Outcome == "float"), n => Assert.Equal("its input is not made of signs", n.Reason));
        // A file that holds signs says the same of the layers around them.
        using var file = new MemoryStream();
        EngineFileWriter.Write(new ModelDefinition(g.Graph), file);
        using var model = Model.Load(file.ToArray());
        Assert.Equal(2, model.Rewrites.SelectMany(r => r.Notes).Count(n => n.Outcome == "float"));
    }

    [Fact]
    public void Weights_of_several_magnitudes_stay_float()
    {
        var w = Ones();
        w.Span<float>()[30] = 2;
        var (g, notes) = Layer((b, v) => b.Norm(v, 4), w);
        Assert.Contains(notes, n => n.Outcome == "float" && n.Reason.Contains("channel 1 differ in magnitude", StringComparison.Ordinal));
        w.Span<float>()[30] = 0;
        w.Span<float>()[27] = 0;
        (_, notes) = Layer((b, v) => b.Norm(v, 4), w);
        Assert.Contains(notes, n => n.Reason.Contains("weight 0 of channel 1 is 0", StringComparison.Ordinal));
        Assert.Contains(g.Graph.Nodes, n => n.Op is Conv);
    }

    [Fact]
    public void Pools_in_front_of_a_falling_sign_take_the_smallest()
    {
        var (g, notes) = Layer((b, v) => b.Op("Mul", [b.Op("Add", [b.Pool(v), b.Number(0.5f)]), b.Constant(Tensor.From<float>(new Shape(1, 4, 1, 1), [1, -1, 2, -3]))]), Ones());
        Assert.All(notes, n => Assert.Equal("", n.Reason));
        var pool = Assert.Single(g.Graph.Nodes, n => n.Op is BinaryMaxPool);
        Assert.Equal(new sbyte[] { 1, -1, 1, -1 }, pool.Inputs[1]!.ConstantTensor!.Span<sbyte>().ToArray());
    }

    // QuickNet normalizes behind ReLU, others behind PReLU: sums of either sign have a scale then.
    [Theory]
    [InlineData("Relu")]
    [InlineData("LeakyRelu")]
    [InlineData("PRelu")]
    public void Activations_of_two_slopes_are_a_scale_of_negative_sums(string activation)
    {
        foreach (bool norm in (bool[])[true, false])
        {
            var g = new BinaryGraph(5);
            var x = g.Norm(g.Input(), 8);
            var y = g.Conv(g.Sign(x, 0), g.Signs(true, 8, 8, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } });
            y = activation == "PRelu" ? g.Op(activation, [y, g.Constant(g.Signs(true, 8, 1, 1))], opset: 16) : g.Op(activation, [y], activation == "Relu" ? null : new() { ["alpha"] = 0.125f }, 16);
            if (norm) y = g.Norm(y, 8);
            g.Output(g.Op("Add", [y, x]));
            var input = g.F32(2, 8, 5, 5);
            var expected = g.Interpret(input);
            var (notes, interpreted, planned) = g.Rewritten(input);
            Assert.Equal("binary, to f32", Assert.Single(notes).Outcome);
            var conv = Assert.Single(g.Graph.Nodes, n => n.Op is BinaryConv);
            Assert.Equal(norm || activation != "Relu", conv.Input(4) is not null);
            // The first normalization stands before anything binary.
            if (norm) Assert.Single(g.Graph.Nodes, n => n.Op is BatchNormalization);
            foreach (var actual in (Tensor[])[interpreted, planned])
                for (int i = 0; i < expected.Shape.Count; i++) Assert.Equal(expected.Span<float>()[i], actual.Span<float>()[i], 1e-4);
        }
    }

    [Fact]
    public void Residual_networks_keep_float_shortcuts()
    {
        var g = new BinaryGraph(3);
        var x = g.Norm(g.Input(), 8);
        for (int i = 0; i < 3; i++) x = g.Op("Add", [g.Norm(g.Conv(g.Sign(x, 0), g.Signs(true, 8, 8, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), 8), x]);
        g.Output(x);
        var input = g.F32(2, 8, 5, 5);
        var expected = g.Interpret(input);
        var (notes, interpreted, planned) = g.Rewritten(input);
        Assert.Equal(["binary, to f32", "binary, to f32", "binary, to f32"], notes.Select(n => n.Outcome));
        Assert.Equal(3, g.Graph.Nodes.Count(n => n.Op is BinarySign));
        // Where a CPU has no fused multiply-add a normalization of its own is rounded twice, as the scale of sums it is once.
        foreach (var actual in (Tensor[])[interpreted, planned])
            for (int i = 0; i < expected.Shape.Count; i++) Assert.Equal(expected.Span<float>()[i], actual.Span<float>()[i], 1e-4);
    }

    [Fact]
    public void Fully_connected_layers_are_products_of_signs()
    {
        var g = new BinaryGraph(5);
        var y = g.Op("Flatten", [g.Sign(g.Input(), 2)]);
        y = g.Op("Gemm", [y, g.Constant(g.Signs(true, 20, 150))], new() { ["transB"] = 1L, ["alpha"] = 0.5f });
        y = g.Sign(g.Norm(y, 20), 1);
        y = g.Op("MatMul", [y, g.Constant(g.Signs(false, 20, 9))]);
        y = g.Sign(g.Op("Add", [y, g.Constant(g.F32(9))]), 3);
        y = g.Op("Gemm", [y, g.Constant(g.Signs(false, 9, 4)), g.Constant(g.F32(4))]);
        g.Output(y);
        var x = g.F32(3, 6, 5, 5);
        var expected = g.Interpret(x);
        var (notes, interpreted, planned) = g.Rewritten(x);
        Assert.Equal(["binary, to bits", "binary, to bits", "binary, to f32"], notes.Select(n => n.Outcome));
        Same(expected, interpreted);
        Same(expected, planned);
    }

    [Fact]
    public void Engine_files_keep_a_bit_a_weight()
    {
        var g = new BinaryGraph(11);
        var y = g.Sign(g.Input(), 1);
        y = g.Conv(y, g.Signs(true, 64, 64, 3, 3), []);
        y = g.Sign(g.Norm(y, 64), 0);
        g.Output(g.Conv(y, g.Signs(false, 64, 64, 3, 3), []));
        var x = g.F32(1, 64, 8, 8);
        var expected = g.Interpret(x);
        Assert.Equal(2, Rewriter.ApplyBinary(g.Graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard))));
        using var file = new MemoryStream();
        EngineFileWriter.Write(new ModelDefinition(g.Graph), file);
        Assert.InRange(file.Length, 0, 2 * 64 * 64 * 9 / 8 + 12000);
        using var model = Model.Load(file.ToArray());
        Assert.Equal(2, model.Definition.Graph.Nodes.Count(n => n.Op is BinaryConv && n.Inputs[1]!.Constant is Binary));
        using var session = model.CreateSession();
        Same(expected, (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single());
        Assert.Contains(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = x }).Steps, s => s.Stem == "conv-binary" && s.OutputDescription.Contains("bits", StringComparison.Ordinal));
    }
}
