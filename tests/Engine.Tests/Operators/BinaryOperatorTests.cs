using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Binary operators against their definitions, on numbers and on bits.</summary>
public class BinaryOperatorTests
{
    private const string Own = "engine";

    public static TheoryData<int> Seeds => new(Enumerable.Range(0, 16));

    private static Tensor Floats(Random r, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = r.Next(8) switch { 0 => 0, 1 => -0f, 2 => float.NaN, 3 => -float.Epsilon, _ => r.NextSingle() * 2 - 1 };
        return t;
    }

    private static Tensor Signs(Random r, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = r.Next(2) * 2 - 1;
        return t;
    }

    private static Binary Packed(Tensor signs)
    {
        int rows = signs.Shape.Int(0), columns = (int)(signs.Shape.Elements / rows), words = (columns + 63) / 64;
        var t = Tensor.Allocate(DType.U64, new Shape(rows * words));
        for (int i = 0; i < signs.Shape.Count; i++)
            if (signs.Span<float>()[i] < 0) t.Span<ulong>()[i / columns * words + i % columns / 64] |= 1ul << i % columns % 64;
        return new Binary(signs.Shape, t);
    }

    private static Node Node(string op, Value?[] inputs, Value y, Dictionary<string, object>? attributes = null, string domain = Own) =>
        new(op, OperatorRegistry.Standard.Create(domain, op, new Attributes(domain.Length == 0 ? 13 : 1, attributes) { InputCount = inputs.Length }, op), inputs, [y]);

    // The result of the plan, after it was seen to be the same with any number of threads, and the stems of its steps.
    private static (Tensor Y, List<string> Stems) Run(ModelGraph graph, Tensor x)
    {
        List<string> stems = [];
        Tensor? first = null;
        foreach (int threads in (int[])[1, 3])
        {
            using var model = Model.Create(new ModelDefinition(graph));
            stems = [.. model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = x }).Steps.Select(s => s.Stem)];
            using var session = model.CreateSession(new SessionOptions { Threads = threads });
            var y = ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single()).Clone();
            Assert.Equal((first ?? y).Span<float>().ToArray(), y.Span<float>().ToArray());
            first = y;
        }
        return (first!, stems);
    }

    private static Tensor Interpret(ModelGraph graph, Tensor x) => (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void BinarySign_is_minus_one_on_one_side_of_a_threshold(int seed)
    {
        var r = new Random(seed);
        var x = seed % 4 == 0 ? Floats(r, 3, 1 + r.Next(150)) : Floats(r, 2, 1 + r.Next(100), 1 + r.Next(20), 1 + r.Next(20));
        int channels = x.Shape.Int(1), inner = x.Shape.Rank == 2 ? 1 : (int)x.Shape.Product(2, 4), direction = r.Next(2) * 2 - 1;
        Tensor? threshold = r.Next(3) switch { 0 => null, 1 => Tensor.Scalar(r.NextSingle() - 0.5f), _ => Floats(r, channels) };
        var y = OpRunner.One("BinarySign", 1, threshold is null ? [x] : [x, threshold], new() { ["direction"] = (long)direction }, Own);
        for (int i = 0; i < x.Shape.Count; i++)
        {
            float v = x.Span<float>()[i], t = threshold is null ? 0 : threshold.Span<float>()[threshold.Shape.Elements == 1 ? 0 : i / inner % channels];
            Assert.Equal((direction > 0 ? v < t : v > t) ? -1 : 1, y.Span<float>()[i]);
        }
        // To bits and back.
        var graph = new ModelGraph("sign");
        Value input = new("x"), bits = new("bits"), output = new("y");
        graph.Inputs.Add(input);
        graph.Outputs.Add(output);
        graph.Nodes.Add(Node("BinarySign", threshold is null ? [input] : [input, Value.Of("t", threshold)], bits, new() { ["direction"] = (long)direction }));
        graph.Nodes.Add(x.Shape.Rank == 2 ? Node("Identity", [bits], output, null, "") : Node("BinaryMaxPool", [bits], output, new() { ["kernel_shape"] = new long[] { 1, 1 } }));
        Assert.Equal(y.Span<float>().ToArray(), Run(graph, x).Y.Span<float>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("BinarySign", 1, [x, Floats(r, channels + 1)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinarySign", 1, [x], new() { ["direction"] = 2L }, Own));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void BinaryConv_sums_signs(int seed)
    {
        var r = new Random(seed);
        bool product = seed % 4 == 0, toSigns = seed % 2 == 0;
        int group = product ? 1 : 1 + r.Next(2), inputs = group * (1 + r.Next(90)), outputs = group * (1 + r.Next(70)), k = 1 + r.Next(3);
        Tensor x = product ? seed % 8 == 0 ? Floats(r, 2, 3, inputs) : Floats(r, 5, inputs) : Floats(r, 2, inputs, 6, 7), w = product ? Signs(r, outputs, inputs) : Signs(r, outputs, inputs / group, k, k);
        var attributes = product ? null : new Dictionary<string, object> { ["pads"] = new long[] { 1, 0, 2, 1 }, ["strides"] = new long[] { 1 + r.Next(2), 1 }, ["group"] = (long)group };
        var signs = x.Clone();
        foreach (ref float v in signs.Span<float>()) v = v < 0 ? -1 : 1;
        var sums = product ? OpRunner.One("MatMul", 13, [signs, w.Transposed()]) : OpRunner.One("Conv", 13, [signs, w], attributes);
        int inner = product ? 1 : (int)sums.Shape.Product(2, 4);

        List<Value?> operands = [new Value("x"), new Value("w") { Constant = Packed(w) }];
        Tensor scale = Floats(r, outputs), bias = Floats(r, outputs), threshold = Tensor.Allocate(DType.I32, new Shape(outputs)), direction = Tensor.Allocate(DType.I8, new Shape(outputs));
        foreach (ref float v in scale.Span<float>()) v = MathF.Pow(2, r.Next(-3, 3));
        foreach (ref float v in bias.Span<float>()) v = r.Next(-40, 40) / 8f;
        for (int m = 0; m < outputs; m++) (threshold.Span<int>()[m], direction.Span<sbyte>()[m]) = (r.Next(-3, 4), (sbyte)(r.Next(2) * 2 - 1));
        int given = r.Next(3);
        if (given > 0) operands.Add(Value.Of("two", toSigns ? threshold : scale));
        if (given > 1) operands.Add(Value.Of("three", toSigns ? direction : bias));
        toSigns &= given > 0;
        var negative = !toSigns && r.Next(2) == 0 ? Floats(r, outputs) : null;
        if (negative is not null)
        {
            foreach (ref float v in negative.Span<float>()) v = float.IsNaN(v) ? 3 : v;
            while (operands.Count < 4) operands.Add(null);
            operands.Add(Value.Of("negative", negative));
        }

        var graph = new ModelGraph("conv");
        Value output = new("y");
        graph.Inputs.Add(operands[0]!);
        graph.Outputs.Add(output);
        bool residual = !toSigns && r.Next(2) == 0, relu = !toSigns && r.Next(2) == 0;
        Value y = new("sums"), added = new("added");
        graph.Nodes.Add(Node("BinaryConv", [.. operands], residual || relu ? y : output, attributes));
        var other = Floats(r, sums.Shape.ToArray());
        foreach (ref float v in other.Span<float>()) if (float.IsNaN(v)) v = 2;
        if (residual) graph.Nodes.Add(Node("Add", [y, Value.Of("other", other)], relu ? added : output, null, ""));
        if (relu) graph.Nodes.Add(Node("Relu", [residual ? added : y], output, null, ""));

        var expected = sums.Clone();
        for (int i = 0; i < expected.Shape.Count; i++)
        {
            int m = product ? i % outputs : i / inner % outputs;
            ref float s = ref expected.Span<float>()[i];
            if (toSigns) s = (given > 1 && direction.Span<sbyte>()[m] < 0 ? s > threshold.Span<int>()[m] : s < threshold.Span<int>()[m]) ? -1 : 1;
            else s = MathF.FusedMultiplyAdd(s < 0 && negative is not null ? negative.Span<float>()[m] : given > 0 ? scale.Span<float>()[m] : 1, s, given > 1 ? bias.Span<float>()[m] : 0);
            if (residual) s += other.Span<float>()[i];
            if (relu) s = Math.Max(s, 0);
        }
        var (planned, stems) = Run(graph, x);
        Assert.Equal(expected.Span<float>().ToArray(), planned.Span<float>().ToArray());
        // Bit-sliced where counting bits is slow.
        Assert.Contains(stems, s => s == "gemm-binary" || s.StartsWith("conv-binary", StringComparison.Ordinal));
        Assert.Equal(expected.Span<float>().ToArray(), Interpret(graph, x).Span<float>().ToArray());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void BinaryMaxPool_is_and_or_or(int seed)
    {
        var r = new Random(seed);
        int channels = 1 + r.Next(150);
        var x = Signs(r, 2, channels, 5, 7);
        var direction = Tensor.Allocate(DType.I8, new Shape(channels));
        foreach (ref sbyte d in direction.Span<sbyte>()) d = (sbyte)(r.Next(2) * 2 - 1);
        Dictionary<string, object> attributes = new() { ["kernel_shape"] = new long[] { 2, 3 }, ["strides"] = new long[] { 1 + r.Next(2), 2 }, ["pads"] = new long[] { 0, 1, 1, 1 }, ["ceil_mode"] = (long)r.Next(2) };
        bool directed = r.Next(2) == 0;
        var turned = x.Clone();
        if (directed)
            for (int i = 0; i < x.Shape.Count; i++) turned.Span<float>()[i] *= direction.Span<sbyte>()[i / 35 % channels];
        var expected = OpRunner.One("MaxPool", 13, [turned], attributes);
        int plane = (int)expected.Shape.Product(2, 4);
        if (directed)
            for (int i = 0; i < expected.Shape.Count; i++) expected.Span<float>()[i] *= direction.Span<sbyte>()[i / plane % channels];

        var graph = new ModelGraph("pool");
        Value input = new("x"), signs = new("signs"), output = new("y");
        graph.Inputs.Add(input);
        graph.Outputs.Add(output);
        graph.Nodes.Add(Node("BinarySign", [input], signs));
        graph.Nodes.Add(Node("BinaryMaxPool", directed ? [signs, Value.Of("d", direction)] : [signs], output, attributes));
        Assert.Equal(expected.Span<float>().ToArray(), Interpret(graph, x).Span<float>().ToArray());
        var (planned, stems) = Run(graph, x);
        Assert.Equal(expected.Span<float>().ToArray(), planned.Span<float>().ToArray());
        Assert.Contains("max-pool-bits", stems);
    }

    [Fact]
    public void Wrong_operands_are_refused()
    {
        var r = new Random(1);
        var x = Floats(r, 1, 4, 3, 3);
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 3, 1, 1)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 4, 1, 1), Floats(r, 3)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 4, 1, 1), Floats(r, 2), Tensor.Vector<sbyte>(1, 1)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 5)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 4, 1, 1), null, null, Floats(r, 3)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryConv", 1, [x, Signs(r, 2, 4, 1, 1), Tensor.Vector<int>(1, 1), null, Floats(r, 2)], null, Own));
        Assert.Throws<OperatorException>(() => OpRunner.One("BinaryMaxPool", 1, [x, Tensor.Vector<sbyte>(1, 1)], new() { ["kernel_shape"] = new long[] { 2, 2 } }, Own));
        Assert.Equal(0, OpRunner.One("BinaryConv", 1, [Floats(r, 0, 4, 3, 3), Signs(r, 2, 4, 1, 1)], null, Own).Shape.Elements);
        Assert.Equal(0, OpRunner.One("BinarySign", 1, [Floats(r, 0, 4)], null, Own).Shape.Elements);
        Assert.Equal(0, OpRunner.One("BinaryMaxPool", 1, [Floats(r, 0, 4, 2, 2)], new() { ["kernel_shape"] = new long[] { 2, 2 } }, Own).Shape.Elements);
    }
}
