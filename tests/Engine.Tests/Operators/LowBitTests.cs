using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Products with weights in codes, run without decoding the weight.</summary>
public class LowBitTests
{
    private readonly Random _random = new(5);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() * 2 - 1;
        return t;
    }

    private Tensor Halves(params long[] dims)
    {
        var t = F32(dims);
        foreach (ref float x in t.Span<float>()) x = (float)(Half)x;
        return t;
    }

    private Tensor Whole(int below, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.Next(below);
        return t;
    }

    /// <summary>A weight [n, k], or [k, n] where it is transposed, whose groups run along k.</summary>
    private Quantized Weight(string form, int n, int k, bool transposed)
    {
        var shape = transposed ? new Shape(k, n) : new Shape(n, k);
        int axis = transposed ? 0 : 1, group = form.Contains("16", StringComparison.Ordinal) ? 16 : 32;
        long groups = (k + group - 1) / group;
        long[] dims = transposed ? [groups, n] : [n, groups];
        Quantized Make(int bits, Granularity granularity, Tensor scale, Tensor? zero = null, bool signed = false, Tensor? table = null, Tensor? minimum = null, int along = -1)
        {
            var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes((long)n * k, bits)));
            _random.NextBytes(codes.Bytes);
            return new Quantized(shape, bits, codes, granularity, new Dense(scale), zero is null ? null : new Dense(zero), signed, along < 0 ? axis : along, group, table, minimum: minimum is null ? null : new Dense(minimum));
        }
        return form switch
        {
            "4 bits" => Make(4, Granularity.Group, F32(dims)),
            "4 bits, halves, 16" => Make(4, Granularity.Group, Halves(dims)),
            "4 bits, zeros" => Make(4, Granularity.Group, Halves(dims), Whole(16, dims)),
            "3 bits" => Make(3, Granularity.Group, Halves(dims)),
            "3 bits, 16" => Make(3, Granularity.Group, Halves(dims)),
            "2 bits" => Make(2, Granularity.Channel, F32(n), along: 1 - axis),
            "1 bit" => Make(1, Granularity.Tensor, Tensor.Vector(0.5f)),
            "5 bits, minima" => Make(5, Granularity.Group, F32(dims), minimum: F32(dims)),
            "6 bits, halves, minima, 16" => Make(6, Granularity.Group, Halves(dims), minimum: Halves(dims)),
            "8 bits, zeros" => Make(8, Granularity.Group, F32(dims), Whole(256, dims)),
            "signed 8" => Make(8, Granularity.Channel, F32(n), signed: true, along: 1 - axis),
            "signed 4, one zero" => Make(4, Granularity.Group, F32(dims), Tensor.Vector(-3f), signed: true),
            "nf4" => Make(4, Granularity.Group, F32(dims), table: CodeTable.Nf4),
            _ => throw new ArgumentException(form),
        };
    }

    public static TheoryData<string, bool, int> Forms()
    {
        var data = new TheoryData<string, bool, int>();
        int i = 0;
        foreach (string form in (string[])["4 bits", "4 bits, halves, 16", "4 bits, zeros", "3 bits", "3 bits, 16", "2 bits", "1 bit", "5 bits, minima", "6 bits, halves, minima, 16", "8 bits, zeros", "signed 8", "signed 4, one zero", "nf4"])
            foreach (bool transposed in (bool[])[false, true])
                foreach (int rows in (int[])[1, 9]) data.Add(form, transposed, rows + i++ % 3);
        return data;
    }

    private static ModelGraph Graph(Weight w, int rows, int k, bool transposed, bool consent, Tensor? bias)
    {
        var graph = new ModelGraph("g");
        var (x, y) = (new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(rows), new Dim(k)])), new Value("y"));
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var attributes = new Dictionary<string, object> { ["transB"] = transposed ? 0L : 1L, ["accuracy_level"] = consent ? 4L : 0L };
        var product = new Value("product");
        Value?[] inputs = bias is null ? [x, new Value("w") { Constant = w }] : [x, new Value("w") { Constant = w }, Value.Of("b", bias)];
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create(bias is null ? "com.microsoft" : "", bias is null ? "FusedMatMul" : "Gemm", new Attributes(bias is null ? 1 : 13, attributes) { InputCount = inputs.Length }, "n"), inputs, [product]));
        graph.Nodes.Add(new Node("a", OperatorRegistry.Standard.Create("", "Relu", new Attributes(14) { InputCount = 1 }, "a"), [product], [y]));
        return graph;
    }

    private static (List<string> Stems, Tensor Y) Plan(ModelGraph graph, Tensor x, int threads, bool inexact = false)
    {
        List<string> stems = [];
        // With consent those that multiply codes, whatever a tier is faster at.
        bool consent = graph.Nodes[0].Op.Attributes.Int("accuracy_level", 0) == 4;
        var program = new Runtime.Program(graph, LinearPlans.Preferring(stem => stem.StartsWith("lowbit-", StringComparison.Ordinal) && !(consent && stem == "lowbit-decode")), new PackedWeights(), new PlanOptions { AllowInexact = inexact });
        using var workers = new Workers(threads);
        var outputs = new RuntimeValue?[1];
        new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([x], outputs);
        return (stems, ((Tensor)outputs[0]!).Clone());
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_plan_multiplies_by_codes_as_the_dense_weight_would(string form, bool transposed, int rows)
    {
        int n = 40 + _random.Next(40), k = form.Contains("bit,", StringComparison.Ordinal) ? 96 : 70 + _random.Next(200);
        var w = Weight(form, n, k, transposed);
        Tensor x = F32(rows, k), bias = F32(n);
        var exact = Graph(w, rows, k, transposed, false, bias);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(exact, [x])[0];

        var (stems, actual) = Plan(exact, x, 1);

        Assert.Equal(["lowbit-decode"], stems);
        AssertEx.Close(expected, actual, 1e-5 * Math.Sqrt(k));
        // A table of floats has no integer product.
        if (form == "nf4") return;
        (stems, actual) = Plan(Graph(w, rows, k, transposed, true, bias), x, 1);
        Assert.StartsWith("lowbit-", Assert.Single(stems), StringComparison.Ordinal);
        Assert.NotEqual("lowbit-decode", stems[0]);
        float largest = expected.Span<float>().ToArray().Max();
        AssertNear(expected, actual, 0.03f * largest);
        foreach (int threads in (int[])[2, 3])
            Assert.Equal(actual.Bytes.ToArray(), Plan(Graph(w, rows, k, transposed, true, bias), x, threads).Y.Bytes.ToArray());
    }

    private static void AssertNear(Tensor expected, Tensor actual, float tolerance)
    {
        Span<float> e = expected.Span<float>(), a = actual.Span<float>();
        for (int i = 0; i < e.Length; i++) Assert.True(Math.Abs(e[i] - a[i]) <= tolerance, $"element {i} is {a[i]}, expected {e[i]} within {tolerance}");
    }

    [Theory]
    [InlineData(false, 3)]
    [InlineData(true, 1)]
    [InlineData(true, 7)]
    public void Columns_in_another_order_and_outliers_stay_apart(bool consent, int rows)
    {
        const int n = 201, k = 512;
        int[] order = [.. Enumerable.Range(0, k)];
        _random.Shuffle(order);
        var starts = new int[n + 1];
        var columns = new List<ushort>();
        for (int r = 0; r < n; r++)
        {
            for (int c = 0; c < k; c++) if (_random.Next(200) == 0) columns.Add((ushort)c);
            starts[r + 1] = columns.Count;
        }
        var w = new WeightSum(new Permuted(Weight("4 bits", n, k, false), Tensor.Vector<int>(order)), new SparseCsr(new Shape(n, k), Tensor.Vector<int>(starts), Tensor.Vector<ushort>([.. columns]), new Dense(F32(columns.Count))));
        var graph = Graph(w, rows, k, false, consent, F32(n));
        var x = F32(rows, k);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];

        var (stems, actual) = Plan(graph, x, 2);

        Assert.StartsWith("lowbit-", Assert.Single(stems), StringComparison.Ordinal);
        AssertNear(expected, actual, (consent ? 0.03f : 1e-4f) * expected.Span<float>().ToArray().Max());
    }

    [Fact]
    public void The_caller_consents_for_products_whose_model_does_not()
    {
        var graph = Graph(Weight("4 bits", 64, 128, false), 1, 128, false, false, null);
        var x = F32(1, 128);
        Assert.Equal(["lowbit-decode"], Plan(graph, x, 1).Stems);
        Assert.Equal(["lowbit-gemv"], Plan(graph, x, 1, inexact: true).Stems);
    }

    [Theory]
    [InlineData(4L, "lowbit-gemv")]
    [InlineData(0L, "lowbit-decode")]
    public void MatMulNBits_keeps_its_accuracy_level(long level, string stem)
    {
        const int n = 64, k = 128;
        var (codes, scales, x) = (Tensor.Allocate(DType.U8, new Shape(n, k / 32, 16)), F32(n * (k / 32)), F32(1, k));
        _random.NextBytes(codes.Bytes);
        var graph = new ModelGraph("g");
        var (a, y) = (new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(1), new Dim(k)])), new Value("y"));
        graph.Inputs.Add(a);
        graph.Outputs.Add(y);
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("com.microsoft", "MatMulNBits", new Attributes(1, new Dictionary<string, object> { ["N"] = (long)n, ["K"] = (long)k, ["bits"] = 4L, ["block_size"] = 32L, ["accuracy_level"] = level }), "n"),
            [a, Value.Of("b", codes), Value.Of("s", scales)], [y]));
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 1);

        Assert.Equal([stem], Plan(graph, x, 1).Stems);
    }

    [Fact]
    public void Activations_that_are_not_finite_give_no_number()
    {
        var graph = Graph(Weight("4 bits", 33, 64, false), 2, 64, false, true, null);
        var x = F32(2, 64);
        x.Span<float>()[3] = float.PositiveInfinity;
        graph.Nodes.RemoveAt(1);
        graph.Outputs[0] = graph.Nodes[0].Outputs[0]!;
        var y = Plan(graph, x, 1).Y.Span<float>();
        for (int i = 0; i < 33; i++) Assert.True(float.IsNaN(y[i]) && float.IsFinite(y[33 + i]));
    }

    [Fact]
    public void The_dense_weight_is_never_made()
    {
        var w = Weight("4 bits", 512, 512, false);
        using var model = Model.Create(new ModelDefinition(Graph(w, 1, 512, false, true, null)), new ModelOptions { Kernels = LinearPlans.Preferring("lowbit-") });
        using var session = model.CreateSession(new SessionOptions { Threads = 1 });
        session.Run(new Dictionary<string, RuntimeValue> { ["x"] = F32(1, 512) });
        Assert.InRange(model.PackedBytes, 1, 2 * w.StoredBytes);
    }
}
