using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Layers of random features (SNNK): both products and what lies between as one step.</summary>
public class RandomFeaturesTests
{
    private readonly Random _random = new(9);

    private Tensor F32(params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, _random.Next()));

    private static ModelGraph Graph(Weight g, Weight psi, Tensor? bias, float floor)
    {
        var b = new GraphBuilder();
        var y = new Value("y");
        b.Graph.Nodes.Add(new Node("snnk", OperatorRegistry.Standard.Create("engine", "RandomFeatures", new Attributes(1, new Dictionary<string, object> { ["floor"] = floor }) { InputCount = 4 }, "snnk"),
            [b.Input("x", DType.F32), new Value("g") { Constant = g }, new Value("psi") { Constant = psi }, bias is null ? null : b.Constant(bias)], [y]));
        b.Output(y);
        return b.Graph;
    }

    [Theory]
    [InlineData(1, 96, 200, 50, 0f, true)]
    [InlineData(7, 33, 64, 17, -0.5f, false)]
    [InlineData(200, 64, 2100, 48, 0.25f, true)]
    public void The_step_is_its_definition_in_binary64(int rows, int k, int m, int n, float floor, bool biased)
    {
        Tensor x = F32(rows, k), g = F32(m, k), psi = F32(n, m), bias = F32(n);
        var expected = Tensor.Allocate(DType.F32, new Shape(rows, n));
        for (int r = 0; r < rows; r++)
        {
            var features = new double[m];
            for (int j = 0; j < m; j++)
            {
                for (int i = 0; i < k; i++) features[j] += (double)g.Span<float>()[j * k + i] * x.Span<float>()[r * k + i];
                features[j] = Math.Max(features[j], floor) / Math.Sqrt(m);
            }
            for (int o = 0; o < n; o++) expected.Span<float>()[r * n + o] = (float)(features.Select((f, j) => f * psi.Span<float>()[o * m + j]).Sum() + (biased ? bias.Span<float>()[o] : 0));
        }
        var graph = Graph(new Dense(g), new Dense(psi), biased ? bias : null, floor);

        var (stems, actual) = LinearPlans.Plan(graph, x, 1);

        Assert.Equal(["low-rank"], stems);
        AssertEx.Close(expected, actual, 1e-4);
        Assert.Equal(actual.Bytes.ToArray(), LinearPlans.Plan(graph, x, 3).Y.Bytes.ToArray());
        AssertEx.Close(expected, (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0], 1e-4);
    }

    [Fact]
    public void Features_in_codes_are_those_of_their_decoded_values()
    {
        Tensor x = F32(3, 256), codes = Tensor.Allocate(DType.I8, new Shape(128, 256)), psi = F32(40, 128);
        _random.NextBytes(codes.Bytes);
        var g = new Quantized(codes.Shape, 8, codes, Granularity.Channel, new Dense(F32(128)), signed: true);
        AssertEx.Close(LinearPlans.Plan(Graph(new Dense(g.Decode()), new Dense(psi), null, 0), x, 1).Y, LinearPlans.Plan(Graph(g, new Dense(psi), null, 0), x, 2).Y, 1e-4);
    }

    [Fact]
    public void Matrices_that_do_not_fit_are_refused()
    {
        Assert.Throws<OperatorException>(() => LinearPlans.Plan(Graph(new Dense(F32(8, 5)), new Dense(F32(3, 8)), null, 0), F32(2, 4), 1));
        Assert.Throws<OperatorException>(() => LinearPlans.Plan(Graph(new Dense(F32(8, 4)), new Dense(F32(3, 7)), null, 0), F32(2, 4), 1));
        Assert.Throws<OperatorException>(() => LinearPlans.Plan(Graph(new Dense(F32(8, 4)), new Dense(F32(3, 8)), F32(4), 0), F32(2, 4), 1));
    }
}
