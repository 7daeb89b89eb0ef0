using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Small models that together use every part of the format.</summary>
internal static class EngineFileSeeds
{
    public static Provenance History { get; } = new()
    {
        SourceSha256 = new string('a', 64),
        CalibrationSha256 = new string('b', 64),
        LatencyTableSha256 = new string('c', 64),
        Seed = 42,
        Scheme = "int4:32",
        Layers = [new("fc1", "Quantized(4, g32)") { Error = 0.0125, Drop = 1e-3 }, new("fc2", "Dense") { Fallback = "slower than dense: 12 µs against 9 µs" }],
    };

    /// <summary>The models of the ONNX seeds, one with every weight form, and one with every kind of attribute.</summary>
    public static IReadOnlyDictionary<string, ModelDefinition> Models { get; } = Make();

    public static byte[] Write(ModelDefinition model, Provenance? provenance = null, IReadOnlyList<PackedWeight>? packed = null)
    {
        using var s = new MemoryStream();
        EngineFileWriter.Write(model, s, provenance, packed ?? model.Packed);
        return s.ToArray();
    }

    public static ModelDefinition Load(byte[] bytes, bool verify = true) => EngineFileReader.Load(bytes, AnyOperator.Options with { VerifyChecksums = verify });

    private static Dictionary<string, ModelDefinition> Make()
    {
        var models = SeedModels.All.ToDictionary(s => s.Key, s => OnnxModelReader.Load(s.Value, AnyOperator.Options));
        models.Add("weights", Weights(WeightSamples.All()));
        models.Add("signs", Weights(WeightSamples.Signs()));
        models.Add("attributes", AttributesOfEveryKind());
        models.Add("packed", Packed());
        return models;
    }

    /// <summary>A model of a node a weight.</summary>
    public static ModelDefinition Weights(IEnumerable<Weight> weights)
    {
        var g = new ModelGraph("weights");
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N"), Dim.Unknown, new Dim(7)])) { Quantization = new WireQuantization(DType.I8, 0.0371f, -3) };
        g.Inputs.Add(x);
        foreach (var w in weights)
        {
            var y = new Value($"y{g.Nodes.Count}");
            g.Nodes.Add(new Node($"n{g.Nodes.Count}", new AnyOperator("A", new Attributes(1)), [x, null, new Value($"w{g.Nodes.Count}") { Constant = w }], [y]));
            g.Outputs.Add(y);
        }
        return new ModelDefinition(g) { Opsets = new Dictionary<string, int> { ["t"] = 1 } };
    }

    private static ModelDefinition Packed()
    {
        var r = new Random(4);
        Weight a = new Dense(WeightSamples.Floats(r, 3, 5)), b = new Scaled(a, row: WeightSamples.Floats(r, 3));
        return new ModelDefinition(Weights([a, b]).Graph)
        {
            Opsets = new Dictionary<string, int> { ["t"] = 1 },
            Packed = [new(((Scaled)b).Inner, "", WeightSamples.Floats(r, 2)), new(a, "gemm-f32 v1 5x3 strides 1,5", WeightSamples.Floats(r, 80)), new(a, "gemm-u8s8 v1", WeightSamples.OfType(DType.U8, r, 33)), new(b, "", WeightSamples.OfType(DType.BF16, r, 3))],
        };
    }

    private static ModelDefinition AttributesOfEveryKind()
    {
        var r = new Random(3);
        Tensor a = WeightSamples.Floats(r, 2, 2), b = WeightSamples.OfType(DType.I4, r, 5);
        var sparse = new SparseTensor(Tensor.Vector(1f, 2), Tensor.Vector<long>(1, 4), new Shape(2, 3));
        DeclaredType type = new DeclaredType.Optional(new DeclaredType.Sequence(new DeclaredType.Tensor(DType.F16, null)));
        var g = new ModelGraph("attributes");
        var x = new Value("x");
        var inner = new ModelGraph("inner");
        inner.Nodes.Add(new Node("inside", new AnyOperator("B", new Attributes(7)), [x], [new Value("i")]));
        inner.Outputs.Add(inner.Nodes[0].Outputs[0]!);
        var values = new Dictionary<string, object>
        {
            ["z"] = long.MinValue,
            ["y"] = float.NaN,
            ["x"] = -0f,
            ["w"] = "text \u0001 \"\\ 𝄞",
            ["v"] = a,
            ["u"] = sparse,
            ["t"] = inner,
            ["s"] = type,
            ["r"] = new long[] { 1, -2 },
            ["q"] = new[] { float.PositiveInfinity, float.Epsilon, 0.1f },
            ["p"] = new[] { "", "b" },
            ["o"] = new[] { a, b },
            ["n"] = new[] { sparse },
            ["m"] = new[] { new ModelGraph("empty") },
            ["l"] = new[] { type },
            ["k"] = Array.Empty<long>(),
        };
        g.Inputs.Add(x);
        var y = new Value("y", type);
        g.Nodes.Add(new Node("n", new AnyOperator("A", new Attributes(1, values)), [x], [y, null]));
        g.Outputs.Add(y);
        return new ModelDefinition(g) { Opsets = new Dictionary<string, int> { ["t"] = 1, [""] = 13 }, Metadata = new Dictionary<string, string> { ["b"] = "2", ["a"] = "1" } };
    }
}
