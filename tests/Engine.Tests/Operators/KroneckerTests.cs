using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.LinearPlans;

namespace Engine.Tests;

/// <summary>Sums of Kronecker products multiplied by their factors: Σ A_t (X · S_tᵀ).</summary>
public class KroneckerTests
{
    private readonly Random _random = new(3);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() * 2 - 1;
        return t;
    }

    private Weight Inner(bool codes, int rows, int columns)
    {
        if (!codes) return new Dense(F32(rows, columns));
        var c = Tensor.Allocate(DType.I8, new Shape(rows, columns));
        _random.NextBytes(c.Bytes);
        return new Quantized(new Shape(rows, columns), 8, c, Granularity.Tensor, new Dense(Tensor.Vector(0.01f)), signed: true);
    }

    private static ModelGraph Graph(Weight w, int rows, int inputs, bool transposed, Tensor bias)
    {
        var graph = new ModelGraph("g");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new Dim(rows), new Dim(inputs)])), y = new("y");
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var attributes = new Dictionary<string, object> { ["transB"] = transposed ? 0L : 1L, ["alpha"] = 0.5f };
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("", "Gemm", new Attributes(13, attributes) { InputCount = 3 }, "n"), [x, new Value("w") { Constant = w }, Value.Of("b", bias)], [y]));
        return graph;
    }

    [Theory]
    [InlineData(4, false, false, 1)]
    [InlineData(4, true, false, 2)]
    [InlineData(2, false, true, 1)]
    [InlineData(1, true, true, 3)]
    public void A_plan_multiplies_by_the_factors_as_the_dense_weight_would(int terms, bool transposed, bool codes, int rows)
    {
        // Factors of PHM layers: outer ones of n × n, here not square.
        int a = terms + 1, b = terms + 2, p = 150 + _random.Next(20), q = 170 + _random.Next(20);
        var sum = Enumerable.Range(0, terms).Select(_ => new Kronecker(new Dense(F32(a, b)), Inner(codes, p, q))).ToList();
        Weight w = terms == 1 ? sum[0] : new WeightSum(sum);
        int inputs = transposed ? a * p : b * q, outputs = transposed ? b * q : a * p;
        Tensor x = F32(rows, inputs), bias = F32(outputs);
        var graph = Graph(w, rows, inputs, transposed, bias);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];

        var (stems, actual) = Plan(graph, x, 1);

        Assert.Equal(["kronecker"], stems);
        AssertEx.Close(expected, actual, 1e-4);
        foreach (int threads in (int[])[2, 3]) Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, threads).Y.Bytes.ToArray());
    }

    [Fact]
    public void Many_rows_meet_the_decoded_matrix()
    {
        var w = new WeightSum([.. Enumerable.Range(0, 4).Select(_ => new Kronecker(new Dense(F32(4, 4)), Inner(false, 64, 64)))]);
        var graph = Graph(w, 512, 256, false, F32(256));
        Assert.Equal(["gemm-f32"], Plan(graph, F32(512, 256), 1).Stems);
    }
}
