using Engine.Formats;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Widths and ranks left out together, and weights whose widths cannot be.</summary>
public class ElasticRankTests
{
    private const int Inputs = 24, Hidden = 48, Outputs = 10, Ranks = 8;

    private static Dense F32(int seed, params long[] dims) => new(Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, seed)));

    private static LowRank Factors(int seed, int rows, int columns) => new(new Shape(rows, columns), F32(seed, Ranks, rows), F32(seed + 1, Ranks, columns));

    /// <summary>y = max(x · Wᵀ + b, 0) · Vᵀ + c, of which the hidden channels are a width.</summary>
    private static ModelDefinition Network(Weight hidden, Weight head)
    {
        var g = new ModelGraph("ranks");
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N"), new Dim(Inputs)]));
        g.Inputs.Add(x);
        Value Node(string op, string name, params Value?[] inputs)
        {
            var y = new Value(name);
            g.Nodes.Add(new Node(name, OperatorRegistry.Standard.Create("", op, new Attributes(13, op == "Gemm" ? new Dictionary<string, object> { ["transB"] = 1L } : null) { InputCount = inputs.Length }, name), inputs, [y]));
            return y;
        }
        var h = Node("Relu", "relu", Node("Gemm", "hidden", x, new Value("hidden.w") { Constant = hidden }, new Value("hidden.b") { Constant = F32(5, Hidden) }));
        g.Outputs.Add(Node("Gemm", "y", h, new Value("head.w") { Constant = head }, new Value("head.b") { Constant = F32(6, Outputs) }));
        var elastic = new ElasticDimensions([new("hidden", [16, 32, Hidden], [new("hidden.w", 0), new("hidden.b", 0), new("head.w", 1)], [])], [], []);
        return new(g) { Metadata = new Dictionary<string, string> { [ElasticDimensions.Key] = ElasticJson.Write(elastic) }, Opsets = new Dictionary<string, int> { [""] = 13 } };
    }

    private static double Entry(LowRank w, int ranks, int row, int column)
    {
        ReadOnlySpan<float> u = w.U.ToF32().Span<float>(), v = w.V.ToF32().Span<float>();
        double sum = 0;
        for (int r = 0; r < ranks; r++) sum += (double)u[r * w.Shape.Int(0) + row] * v[r * w.Shape.Int(1) + column];
        return sum;
    }

    [Theory]
    [InlineData(16, 8, 1)]
    [InlineData(16, 3, 1)]
    [InlineData(32, 5, 1)]
    [InlineData(32, 100, 0.5)]
    [InlineData(48, 3, 1)]
    [InlineData(48, 8, 1)]
    public void Fewer_channels_of_fewer_ranks_are_their_product_and_that_of_a_model_of_its_own(int width, int most, double share)
    {
        const int rows = 3;
        LowRank hidden = Factors(1, Hidden, Inputs), head = Factors(3, Outputs, Hidden);
        var limit = new RankLimit(most, share);
        int ranks = (int)Math.Min(most, Math.Ceiling(Ranks * share));
        var choice = new Dictionary<string, int> { ["hidden"] = width };
        var x = Tensor.From(new Shape(rows, Inputs), TestData.Floats(rows * Inputs, 7));
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        var expected = Tensor.Allocate(DType.F32, new Shape(rows, Outputs));
        float[] b = F32(5, Hidden).Values.Span<float>().ToArray(), c = F32(6, Outputs).Values.Span<float>().ToArray();
        for (int n = 0; n < rows; n++)
        {
            var h = new double[width];
            for (int i = 0; i < width; i++) h[i] = Math.Max(0, b[i] + Enumerable.Range(0, Inputs).Sum(k => x.Span<float>()[n * Inputs + k] * Entry(hidden, ranks, i, k)));
            for (int o = 0; o < Outputs; o++) expected.Span<float>()[n * Outputs + o] = (float)(c[o] + h.Select((v, i) => v * Entry(head, ranks, o, i)).Sum());
        }

        using var model = Model.Create(Network(hidden, head));
        using var session = model.CreateSession(new SessionOptions { SubNetwork = model.Select(width: choice, rank: limit) });
        var actual = (Tensor)session.Run(inputs).Values.Single();

        AssertEx.Close(expected, actual, 1e-4);
        using var stored = Model.Create(Network(hidden, head), new ModelOptions { OptimizationLevel = 0 });
        using var bytes = new MemoryStream();
        EngineFileWriter.Write(stored.Select(width: choice, rank: limit).Extract(), bytes);
        using var alone = Model.Load(bytes.ToArray());
        Assert.All(alone.Definition.Graph.Constants.Select(v => v.Constant).OfType<LowRank>(), l => Assert.Equal(ranks, l.StoredRank));
        using var reference = alone.CreateSession();
        Assert.Equal(((Tensor)reference.Run(inputs).Values.Single()).Bytes.ToArray(), actual.Bytes.ToArray());
    }

    public static TheoryData<string> Forms => ["Scaled", "Kronecker", "Sparse(2:4", "Sparse(CSR", "Sum"];

    [Theory, MemberData(nameof(Forms))]
    public void Weights_whose_channels_are_not_stored_one_by_one_are_refused_by_name(string form)
    {
        Tensor pairs = F32(1, Hidden, Inputs).Values;
        for (int i = 0; i < pairs.Shape.Count; i++) if (i % 4 > 1) pairs.Span<float>()[i] = 0;
        Weight w = form switch
        {
            "Scaled" => new Scaled(F32(1, Hidden, Inputs), row: F32(2, Hidden).Values),
            "Kronecker" => new Kronecker(F32(1, 4, 2), F32(2, 12, 12)),
            "Sparse(2:4" => SparseNM.From(new Dense(pairs), 2, 4),
            "Sparse(CSR" => SparseCsr.From(new Dense(pairs)),
            _ => new WeightSum(F32(1, Hidden, Inputs), Factors(2, Hidden, Inputs)),
        };
        using var model = Model.Create(Network(w, F32(3, Outputs, Hidden)));
        string message = Assert.Throws<UnsupportedException>(() => model.Select(width: 0.5)).Message;
        Assert.Contains("'hidden.w'", message, StringComparison.Ordinal);
        Assert.Contains(form, message, StringComparison.Ordinal);
        // The whole runs.
        using var session = model.CreateSession();
        Assert.Equal(Outputs, ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = F32(7, 2, Inputs).Values }).Values.Single()).Shape[1]);
    }
}
