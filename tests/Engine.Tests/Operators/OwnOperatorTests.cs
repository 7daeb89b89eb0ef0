using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Operators of the engine's own domain against their definitions.</summary>
public class OwnOperatorTests
{
    private const string Own = "engine";
    private readonly Random _random = new(31);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = _random.NextSingle() * 4 - 2;
        return t;
    }

    private Tensor Codes(DType type, params long[] dims)
    {
        var t = Tensor.Allocate(type, new Shape(dims));
        _random.NextBytes(t.Bytes);
        return t;
    }

    private static Tensor One(string op, RuntimeValue?[] inputs, Dictionary<string, object>? attributes = null, Workers? workers = null) => OpRunner.One(op, 1, inputs, attributes, Own, workers);

    [Theory]
    [InlineData(-1, true)]
    [InlineData(1, true)]
    [InlineData(0, false)]
    public void L1Normalization_divides_by_the_mean_distance(int axis, bool biased)
    {
        var x = F32(3, 5, 7);
        var row = new Shape(x.Shape.Dims[(axis < 0 ? axis + 3 : axis)..]);
        int length = row.Count;
        Tensor scale = F32(row.ToArray()), bias = F32(row.ToArray());
        var y = One("L1Normalization", [x, scale, biased ? bias : null], new() { ["axis"] = (long)axis, ["epsilon"] = 0.01f });
        for (int i = 0; i < 105; i++)
        {
            var values = x.Span<float>().Slice(i / length * length, length).ToArray();
            double mean = values.Average(v => (double)v), distance = values.Average(v => Math.Abs(v - mean));
            double expected = scale.Span<float>()[i % length] * (x.Span<float>()[i] - mean) / (distance + 0.01f) + (biased ? bias.Span<float>()[i % length] : 0);
            Assert.Equal(expected, y.Span<float>()[i], 2e-5);
        }
        Assert.Throws<OperatorException>(() => One("L1Normalization", [x, F32(3)]));
        Assert.Throws<OperatorException>(() => One("L1Normalization", [x, scale], new() { ["epsilon"] = -1f }));
        Assert.Equal(0, One("L1Normalization", [F32(0, 4), F32(4)]).Shape.Elements);
    }

    [Fact]
    public void Log2Softmax_is_within_a_factor_of_root_two()
    {
        var x = F32(40, 60);
        foreach (ref float v in x.Span<float>()) v *= 4;
        var q = One("Log2Softmax", [x]);
        var p = OpRunner.One("Softmax", 13, [x]);
        for (int i = 0; i < 2400; i++)
        {
            double exact = p.Span<float>()[i], ratio = Math.Pow(2, -q.Bytes[i]) / exact;
            if (q.Bytes[i] < 16) Assert.InRange(ratio, Math.Sqrt(0.5) - 1e-5, Math.Sqrt(2) + 1e-5);
            else Assert.InRange(exact, 0, Math.Pow(2, -15.5) * (1 + 1e-5));
        }
        Assert.Equal([16, 16], One("Log2Softmax", [Tensor.Vector(float.NaN, 1f)]).Bytes.ToArray());
        Assert.Equal([0, 16], One("Log2Softmax", [Tensor.Vector(0f, float.NegativeInfinity)]).Bytes.ToArray());
        Assert.Equal([1, 1], One("Log2Softmax", [Tensor.Vector((Half)3, (Half)3)]).Bytes.ToArray());
    }

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 9, 17, 20)]
    [InlineData(2, 33, 64, 64)]
    [InlineData(1, 8, 0, 3)]
    public void Log2MatMul_adds_shifted_values(int batch, int m, int k, int n)
    {
        Tensor q = Codes(DType.U8, batch, m, k), v = Codes(DType.I8, batch, k, n);
        foreach (ref byte c in q.Bytes) c = (byte)(c % 18);
        using var workers = new Workers(2);
        Tensor sums = One("Log2MatMul", [q, v], workers: workers), scaled = One("Log2MatMul", [q, v, Tensor.Scalar(0.5f)]);
        for (int i = 0; i < batch * m * n; i++)
        {
            int b = i / (m * n), row = i / n % m, column = i % n;
            long sum = 0;
            for (int j = 0; j < k; j++)
            {
                int code = q.Bytes[(b * m + row) * k + j];
                if (code < 16) sum += (long)(sbyte)v.Bytes[(b * k + j) * n + column] << (15 - code);
            }
            Assert.Equal((int)sum, sums.Span<int>()[i]);
            Assert.Equal((float)(int)sum * (0.5f / 32768), scaled.Span<float>()[i]);
        }
        Assert.Throws<OperatorException>(() => One("Log2MatMul", [q, Codes(DType.I8, batch, k + 1, n)]));
        Assert.Throws<OperatorException>(() => One("Log2MatMul", [q, v, F32(n + 1)]));
    }

    [Fact]
    public void Attention_by_shifts_stays_near_attention()
    {
        Tensor x = F32(4, 32, 48), v = Codes(DType.I8, 4, 48, 16);
        var exact = OpRunner.One("MatMul", 13, [OpRunner.One("Softmax", 13, [x]), OpRunner.One("Cast", 13, [v], new() { ["to"] = 1L })]);
        var y = One("Log2MatMul", [One("Log2Softmax", [x]), v, Tensor.Scalar(1f)]);
        double error = 0, size = 0;
        for (int i = 0; i < exact.Shape.Count; i++) (error, size) = (error + Math.Pow(y.Span<float>()[i] - exact.Span<float>()[i], 2), size + Math.Pow(exact.Span<float>()[i], 2));
        // Weights are off by up to √2 either way, evenly in the logarithm: 20 % in the root mean square, less where many are summed.
        Assert.InRange(Math.Sqrt(error / size), 0.02, 0.25);
    }

    public static TheoryData<string> Shifts => ["none", "TRIP", "ShiftQuant", "mixed"];

    [Theory, MemberData(nameof(Shifts))]
    public void MatMulShifted_equals_its_definition(string form)
    {
        const int m = 53, n = 37, k = 41;
        foreach (var type in new[] { DType.U8, DType.I8 })
        {
            Tensor a = Codes(type, m, k), b = Codes(DType.I8, k, n), zero = Codes(type, 1), shifts = Codes(DType.U8, k), scale = F32(n);
            for (int i = 0; i < k; i++)
            {
                shifts.Bytes[i] = (byte)(form switch { "none" => 0, "TRIP" => _random.Next(5), "ShiftQuant" => 3 - 4 * i / k, _ => _random.Next(16) });
                // Weights of 4 bits leave room for shifts of 4 within their bytes.
                if (form == "TRIP" || form == "mixed" && i % 3 == 0) foreach (ref byte w in b.Bytes.Slice(i * n, n)) w = (byte)((sbyte)w >> 4);
            }
            if (form == "mixed") b.Bytes.Slice(5 * n, n).Clear();
            var groups = new ShiftGroups(shifts.Bytes, b.Bytes, n);
            if (form is "none" or "TRIP") Assert.Single(groups.Groups);
            if (form == "ShiftQuant") Assert.Equal([3, 2, 1, 0], groups.Groups.Select(g => g.Shift));
            using var workers = new Workers(2);
            Tensor y = One("MatMulShifted", [a, b, shifts, zero], workers: workers), scaled = One("MatMulShifted", [a, b, shifts, zero, scale]);
            var dynamic = Dynamic([a, b, shifts, zero]);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                {
                    long sum = 0;
                    for (int p = 0; p < k; p++) sum += (long)((Code(a, i * k + p) - Code(zero, 0)) * (sbyte)b.Bytes[p * n + j]) << shifts.Bytes[p];
                    Assert.Equal(unchecked((int)sum), y.Span<int>()[i * n + j]);
                    Assert.Equal(unchecked((int)sum), dynamic.Span<int>()[i * n + j]);
                    Assert.Equal((float)unchecked((int)sum) * scale.Span<float>()[j], scaled.Span<float>()[i * n + j]);
                }
        }
    }

    private static int Code(Tensor t, int i) => t.DType == DType.I8 ? (sbyte)t.Bytes[i] : t.Bytes[i];

    // The same node with operands that are known only when it runs.
    private static Tensor Dynamic(Tensor[] inputs)
    {
        var graph = new ModelGraph("g");
        var wires = inputs.Select((t, i) => new Value($"x{i}", new DeclaredType.Tensor(t.DType, [.. t.Shape.ToArray().Select(d => new Dim(d))]))).ToArray();
        graph.Inputs.AddRange(wires);
        var y = new Value("y");
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create(Own, "MatMulShifted", new Attributes(1) { InputCount = inputs.Length }, "n"), wires, [y]));
        graph.Outputs.Add(y);
        return Run(graph, inputs);
    }

    private static Tensor Run(ModelGraph graph, params Tensor[] inputs) => Run(graph, null, inputs);

    private static Tensor Run(ModelGraph graph, ModelOptions? options, params Tensor[] inputs)
    {
        using var model = Model.Create(new ModelDefinition(graph), options);
        using var session = model.CreateSession();
        var results = new RuntimeValue?[1];
        session.Run(inputs, results);
        return ((Tensor)results[0]!).Clone();
    }

    [Fact]
    public void MatMulShifted_refuses_shifts_beyond_15()
    {
        Tensor a = Codes(DType.U8, 2, 3), b = Codes(DType.I8, 3, 2), shifts = Tensor.Vector<byte>(0, 16, 0);
        Assert.Throws<OperatorException>(() => One("MatMulShifted", [a, b, shifts]));
        Assert.Throws<OperatorException>(() => Dynamic([a, b, shifts]));
        Assert.Throws<OperatorException>(() => One("MatMulShifted", [a, b, Tensor.Vector<byte>(0, 1)]));
    }

    [Fact]
    public void TokenKeep_drops_the_smallest_scores_but_not_the_last()
    {
        var p = F32(2, 3, 6, 5);
        for (int t = 0; t < 6; t++)
            for (int h = 0; h < 6; h++) p.Span<float>()[(h * 6 + t) * 5] = h % 3 == 0 ? (h / 3 == 0 ? new[] { 0.5f, 0.1f, 0.4f, 0.2f, 0.3f, 0f } : [0f, 0f, 0f, 0.9f, 0f, 0f])[t] : 0.125f;
        var kept = One("TokenKeep", [p], new() { ["ratio"] = 0.5f });
        Assert.Equal(new Shape(2, 3), kept.Shape);
        Assert.Equal([0, 2, 5, 3, 4, 5], kept.Span<long>().ToArray());
        Assert.Equal([0, 1, 2, 3, 4, 5], One("TokenKeep", [F32(1, 6, 2)]).Span<long>().ToArray());
        Assert.Equal([0], One("TokenKeep", [F32(4, 1, 7)], new() { ["ratio"] = 0.99f }).Span<long>().ToArray());
        Assert.Throws<OperatorException>(() => One("TokenKeep", [p], new() { ["ratio"] = 1f }));
        Assert.Throws<OperatorException>(() => One("TokenKeep", [F32(1, 6, 0)]));
    }

    public static TheoryData<string> TableForms => ["4 bits", "8 bits", "3 bits, zero", "signed 8", "minimum", "nf4", "tensor", "channels of columns"];

    [Theory, MemberData(nameof(TableForms))]
    public void Gathered_rows_of_codes_have_the_values_of_the_dense_table(string form)
    {
        const int rows = 11, columns = 100, group = 20;
        var (per, many) = (new Dense(F32(rows, columns / group)), F32(rows, columns / group));
        Tensor Stream(int bits) => Codes(DType.U8, BitStream.Bytes(rows * columns, bits));
        var shape = new Shape(rows, columns);
        var q = form switch
        {
            "4 bits" => new Quantized(shape, 4, Stream(4), Granularity.Group, per, axis: 1, group: group),
            "8 bits" => new Quantized(shape, 8, Stream(8), Granularity.Channel, new Dense(F32(rows))),
            "3 bits, zero" => new Quantized(shape, 3, Stream(3), Granularity.Group, per, new Dense(many), axis: 1, group: group),
            "signed 8" => new Quantized(shape, 8, Stream(8), Granularity.Group, per, signed: true, axis: 1, group: group),
            "minimum" => new Quantized(shape, 4, Stream(4), Granularity.Group, per, minimum: new Dense(many), axis: 1, group: group),
            "nf4" => new Quantized(shape, 4, Stream(4), Granularity.Group, per, axis: 1, group: group, table: CodeTable.Nf4),
            "tensor" => new Quantized(shape, 5, Stream(5), Granularity.Tensor, new Dense(Tensor.Vector(0.25f)), new Dense(Tensor.Vector(3f))),
            _ => new Quantized(shape, 8, Stream(8), Granularity.Channel, new Dense(F32(columns)), axis: 1),
        };
        var graph = new ModelGraph("g");
        var (x, y) = (new Value("x", new DeclaredType.Tensor(DType.I64, [new Dim(2), new Dim(4)])), new Value("y"));
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("", "Gather", new Attributes(13), "n"), [new Value("w") { Constant = q }, x], [y]));
        var indices = Tensor.From(new Shape(2, 4), new long[] { 3, 0, -1, 10, 5, 5, -11, 7 });
        var dense = OpRunner.One("Gather", 13, [q.Decode(), indices]);
        Assert.Equal(dense.Span<float>().ToArray(), Run(graph, indices).Span<float>().ToArray());
        using var model = Model.Create(new ModelDefinition(graph));
        Assert.Contains(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = indices }).Steps, s => s.Stem == "gather-codes");
        Assert.Throws<OperatorException>(() => Run(graph, Tensor.From(new Shape(2, 4), new long[] { 3, 0, -1, 11, 5, 5, -11, 7 })));
    }

    [Theory]
    [InlineData("FusedMatMul", false)]
    [InlineData("FusedMatMul", true)]
    [InlineData("Gemm", true)]
    public void SpQR_weights_are_multiplied_where_they_lie(string op, bool outliers)
    {
        const int rows = 3, n = 50, k = 70;
        var tiles = SpqrTilesTests.Random(_random, n, k);
        var starts = new int[n + 1];
        var columns = new List<ushort>();
        for (int r = 0; r < n; r++)
        {
            for (int c = 0; c < k; c++) if (_random.Next(20) == 0) columns.Add((ushort)c);
            starts[r + 1] = columns.Count;
        }
        var values = F32(columns.Count);
        Weight w = outliers ? new WeightSum(tiles, SparseCsr.Replacing(tiles, Tensor.Vector<int>(starts), Tensor.Vector<ushort>([.. columns]), new Dense(values))) : tiles;
        var graph = new ModelGraph("g");
        var (x, y) = (new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(rows), new Dim(k)])), new Value("y"));
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var (a, bias) = (F32(rows, k), F32(n));
        Value?[] inputs = op == "Gemm" ? [x, new Value("w") { Constant = w }, Value.Of("b", bias)] : [x, new Value("w") { Constant = w }];
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create(op == "Gemm" ? "" : "com.microsoft", op, new Attributes(op == "Gemm" ? 13 : 1, new Dictionary<string, object> { ["transB"] = 1L, ["alpha"] = 2f }) { InputCount = inputs.Length }, "n"), inputs, [y]));
        var options = new ModelOptions { Kernels = LinearPlans.Preferring("spqr-") };
        using var model = Model.Create(new ModelDefinition(graph), options);
        Assert.Contains(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = a }).Steps, s => s.Stem == "spqr-matvec");
        AssertEx.Close((Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [a])[0], Run(graph, options, a), 1e-5);
    }
}
