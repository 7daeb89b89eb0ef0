using Engine.Cpu;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Weights computed from constants as Σ A_t ⊗ S_t, in the ways exporters write them, are kept as sums of Kronecker products.</summary>
public class KroneckerSumsTests
{
    private const int Terms = 3, A = 2, B = 4, P = 5, Q = 6, Taps = 3;

    private readonly GraphBuilder _g = new();
    private readonly Tensor _a = F32(1, Terms, A, B), _s = F32(2, Terms, P, Q), _filters = F32(3, Terms, P, Q, Taps, Taps);

    private static Tensor F32(int seed, params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, seed));

    private Value Longs(params long[] values) => _g.Constant(Tensor.Vector<long>(values));

    private Value Number(long value) => _g.Constant(Tensor.Scalar(value));

    private Value Op(string op, params Value?[] inputs) => _g.Op(op, 17, inputs);

    private Value Summed(Value x, long axis) => _g.Op("ReduceSum", 17, [x, Longs(axis)], new() { ["keepdims"] = 0L });

    // The layers of the PHM authors: [n, a, 1, b, 1] · [n, 1, p, 1, q], reshaped, summed.
    private Value Broadcast(Tensor s)
    {
        bool filters = s.Shape.Rank == 5;
        var a = Op("Unsqueeze", Op("Unsqueeze", _g.Constant(_a), Longs(-1)), Longs(-3));
        if (filters) a = Op("Unsqueeze", Op("Unsqueeze", a, Longs(-1)), Longs(-1));
        var b = filters ? Op("Unsqueeze", Op("Unsqueeze", _g.Constant(s), Longs(-4)), Longs(-6)) : Op("Unsqueeze", Op("Unsqueeze", _g.Constant(s), Longs(-2)), Longs(-4));
        var size = filters ? Longs(Terms, A * P, B * Q, Taps, Taps) : _g.Op("Concat", 17, [Longs(Terms), Op("Unsqueeze", Number(A * P), Longs(0)), Longs(-1)], new() { ["axis"] = 0L });
        return Summed(Op("Reshape", Op("Mul", a, b), size), 0);
    }

    private Value Equation(string equation) => Op("Reshape", _g.Op("Einsum", 17, [_g.Constant(_a), _g.Constant(_s)], new() { ["equation"] = equation }), Longs(A * P, -1));

    private Value Added()
    {
        Value a = _g.Constant(_a), s = _g.Constant(_s);
        Value Term(int t) => Op("Reshape", Op("Mul", Op("Unsqueeze", Op("Gather", s, Number(t)), Longs(0, 2)), Op("Unsqueeze", Op("Gather", a, Number(t)), Longs(1, 3))), Longs(A * P, B * Q));
        return Op("Add", Op("Add", Term(0), Term(1)), Term(2));
    }

    private Value Weight(string way) => way switch
    {
        "broadcast" or "turned" => Broadcast(_s),
        "filters" or "normalized" => Broadcast(_filters),
        "einsum" => Equation("nab,npq->apbq"),
        "added" => Added(),
        _ => throw new ArgumentException(way),
    };

    private (ModelGraph Graph, Tensor X) Model(string way)
    {
        var x = _g.Input("x", DType.F32);
        var w = Weight(way);
        Value y = way switch
        {
            "filters" or "normalized" => _g.Op("Conv", 17, [x, w, null], new() { ["pads"] = new long[] { 1, 1, 1, 1 } }),
            "turned" => Op("MatMul", x, _g.Op("Transpose", 17, [w], new() { ["perm"] = new long[] { 1, 0 } })),
            _ => _g.Op("Gemm", 17, [x, w, null], new() { ["transB"] = 1L }),
        };
        if (way == "normalized") y = Op("BatchNormalization", y, _g.Constant(F32(5, A * P)), _g.Constant(F32(6, A * P)), _g.Constant(F32(7, A * P)), _g.Constant(Tensor.From(new Shape(A * P), [.. TestData.Floats(A * P, 8).Select(v => v + 1.5f)])));
        _g.Output(y);
        return (_g.Graph, way is "filters" or "normalized" ? F32(4, 2, B * Q, 7, 8) : F32(4, 3, B * Q));
    }

    // The definition, element by element: sums in binary64.
    private float[] Dense(bool filters, bool turned)
    {
        int taps = filters ? Taps * Taps : 1;
        var (a, s) = (_a.Span<float>().ToArray(), (filters ? _filters : _s).Span<float>().ToArray());
        var w = new float[A * P * B * Q * taps];
        for (int o = 0; o < A * P; o++)
            for (int i = 0; i < B * Q; i++)
                for (int k = 0; k < taps; k++)
                {
                    double sum = 0;
                    for (int t = 0; t < Terms; t++) sum += a[(t * A + o / P) * B + i / Q] * s[((t * P + o % P) * Q + i % Q) * taps + k];
                    w[turned ? i * A * P + o : (o * B * Q + i) * taps + k] = (float)sum;
                }
        return w;
    }

    [Theory]
    [InlineData("broadcast")]
    [InlineData("turned")]
    [InlineData("einsum")]
    [InlineData("added")]
    [InlineData("filters")]
    [InlineData("normalized")]
    public void Written_out_sums_are_kept_through_engine_files_and_decode_to_their_definition(string way)
    {
        var (graph, x) = Model(way);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];
        Assert.Equal(1, Rewriter.Apply(new KroneckerSums(), graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard))));
        using var file = new MemoryStream();
        EngineFileWriter.Write(new ModelDefinition(graph) { Opsets = new Dictionary<string, int> { [""] = 17 } }, file);
        var read = EngineFileReader.Load(file.ToArray()).Graph;

        Assert.Equal(way == "normalized" ? 2 : 1, read.Nodes.Count);
        var w = Assert.IsType<WeightSum>(read.Nodes[0].Inputs[1]!.Constant);
        Assert.Equal(Terms, w.Terms.Count);
        Assert.All(w.Terms, t => Assert.Equal(2, ((Kronecker)t).A.Shape.Rank));
        Assert.Equal(_a.ByteLength + (way is "filters" or "normalized" ? _filters : _s).ByteLength, w.StoredBytes);
        Assert.Equal(Dense(way is "filters" or "normalized", way == "turned"), w.Decode().Span<float>().ToArray());
        using var model = Engine.Model.Create(new ModelDefinition(read));
        using var session = model.CreateSession();
        AssertEx.Close(expected, (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).First().Value, 1e-4);
        // A norm behind the convolution becomes factors of its rows, and the factors stay.
        Assert.Single(model.Definition.Graph.Nodes);
        Assert.Equal(way == "normalized", model.Definition.Graph.Nodes[0].Inputs[1]!.Constant is Scaled { Inner: WeightSum });
    }

    [Theory]
    [InlineData("nab,npq->apbq", true)]
    [InlineData("nab,mpq->apbq", false)]
    [InlineData("nab,npq->pabq", false)]
    [InlineData("nab,npq->abpq", false)]
    [InlineData("nab,npq->paqb", true)]
    [InlineData("nab,npq->bpaq", true)]
    public void Only_products_of_two_factors_that_share_what_is_summed_are_taken(string equation, bool taken)
    {
        var x = _g.Input("x", DType.F32);
        var all = _g.Op("Einsum", 17, [_g.Constant(_a), _g.Constant(_s)], new() { ["equation"] = equation });
        string labels = equation[^4..];
        int rows = Extent(labels[0]) * Extent(labels[1]), columns = Extent(labels[2]) * Extent(labels[3]);
        _g.Output(Op("MatMul", x, Op("Reshape", all, Longs(rows, columns))));
        var input = F32(4, 3, rows);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(_g.Graph, [input])[0];

        Assert.Equal(taken ? 1 : 0, Rewriter.Apply(new KroneckerSums(), _g.Graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard))));

        AssertEx.Close(expected, (Tensor)new Interpreter(CpuKernels.Standard).Run(_g.Graph, [input])[0], 1e-4);
    }

    private static int Extent(char label) => label switch { 'a' => A, 'b' => B, 'p' => P, _ => Q };
}
