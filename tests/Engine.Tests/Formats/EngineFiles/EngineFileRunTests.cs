using Engine.Formats;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Stored models run: to the same bits as before, and damaged ones to a typed error or a result.</summary>
public class EngineFileRunTests
{
    private static readonly ModelOptions s_options = new() { MaxMemory = 64 << 20 };

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "data", "small"), "*.onnx").Select(p => Path.GetFileNameWithoutExtension(p)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Files))]
    public void A_stored_model_gives_the_same_bits(string name)
    {
        string path = Path.Combine(Repository.Root, "tests", "data", "small", name + ".onnx");
        var stored = EngineFileSeeds.Write(ModelFile.Load(path));
        using var before = Model.Load(path);
        using var after = Model.Load(stored, new ModelOptions { Verification = Verification.Header });
        Assert.Equal(before.Inputs.Select(v => (v.Name, v.Type?.ToString())), after.Inputs.Select(v => (v.Name, v.Type?.ToString())));
        var inputs = before.Inputs.ToDictionary(v => v.Name, v => (RuntimeValue)Input(v));
        using Session s = before.CreateSession(), t = after.CreateSession();
        var (x, y) = (s.Run(inputs), t.Run(inputs));
        foreach (var (key, value) in x) Assert.Equal(((Tensor)value).Bytes.ToArray(), ((Tensor)y[key]).Bytes.ToArray());
    }

    [Fact]
    public void Compressed_weights_run_as_their_dense_form_does()
    {
        foreach (var w in Matrices())
        {
            using var compressed = Model.Load(EngineFileSeeds.Write(Product(w)), s_options);
            using var dense = Model.Create(Product(new Dense(w.Decode())), s_options);
            using Session a = compressed.CreateSession(), b = dense.CreateSession();
            var x = new Dictionary<string, RuntimeValue> { ["x"] = WeightSamples.Floats(new Random(5), 3, w.Shape[1]) };
            float[] expected = ((Tensor)b.Run(x)["y"]).Span<float>().ToArray(), actual = ((Tensor)a.Run(x)["y"]).Span<float>().ToArray();
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4f * (1 + MathF.Abs(expected[i])));
        }
    }

    [Fact]
    public void Some_changed_models_run_or_fail_well() => Fuzz(60);

    [Fact, Trait("Category", "Soak")]
    public void Changed_models_run_or_fail_well() => Fuzz(20_000);

    [Fact]
    public void A_weight_too_large_to_decode_is_refused()
    {
        var thin = new LowRank(new Shape(40_000, 40_000), new Dense(WeightSamples.Floats(new Random(1), 1, 40_000)), new Dense(WeightSamples.Floats(new Random(2), 1, 40_000)));
        Assert.Throws<MemoryLimitException>(() => Model.Load(EngineFileSeeds.Write(Product(thin)), s_options));
    }

    private static void Fuzz(int count)
    {
        var random = new Random(42);
        int ran = 0;
        foreach (byte[] file in Matrices().Select(w => EngineFileSeeds.Write(Product(w))).Concat(PackedSeeds.Models.Values.Select(Packed)))
        {
            for (int i = 0; i < count; i++)
            {
                byte[] bytes = EngineFileMutations.Of(file, random);
                using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                try
                {
                    using var model = Model.Load(bytes, s_options);
                    using var session = model.CreateSession(new SessionOptions { Threads = 1 });
                    session.Run(model.Inputs.ToDictionary(v => v.Name, v => (RuntimeValue)Input(v)), stop.Token);
                    ran++;
                }
                catch (Exception e) when (e is EngineException or OperationCanceledException)
                {
                }
            }
        }
        Assert.True(ran > 0);
    }

    private static byte[] Packed(Func<ModelDefinition> make)
    {
        using var model = Model.Create(make());
        model.Plan(PackedSeeds.Inputs(model.Definition));
        return EngineFileSeeds.Write(model.Definition, packed: model.PackedLayouts());
    }

    private static IEnumerable<Weight> Matrices() => WeightSamples.All().Where(w => w is not (Dense or PowersOfTwo or PowerSteps) && w.Shape.Rank == 2 && w.DType == DType.F32);

    // y = x · Wᵀ + b
    private static ModelDefinition Product(Weight w)
    {
        var g = new ModelGraph("product");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N"), new Dim(w.Shape[1])])), m = new("m"), y = new("y");
        g.Inputs.Add(x);
        g.Nodes.Add(new Node("product", new FusedMatMul(new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 }), [x, new Value("w") { Constant = w }], [m]));
        g.Nodes.Add(new Node("bias", OperatorRegistry.Standard.Create("", "Add", new Attributes(17) { InputCount = 2 }, "bias"), [m, Value.Of("b", Tensor.Scalar(0.5f))], [y]));
        g.Outputs.Add(y);
        return new ModelDefinition(g) { Opsets = new Dictionary<string, int> { [""] = 17, ["com.microsoft"] = 1 } };
    }

    // A damaged model may declare anything; what is too large to be an input is cut.
    private static Tensor Input(ValueInfo v)
    {
        var t = v.Type as DeclaredType.Tensor;
        long[] dims = [.. (t?.Dims ?? []).Select(d => d.IsKnown ? Math.Min(d.Value, 256) : 2)];
        if (t is null || t.DType is DType.F32 || dims.Aggregate(1.0, (n, d) => n * d) > 1 << 20) return WeightSamples.Floats(new Random(3), dims.Length > 4 ? [2, 2] : dims);
        return t.DType.IsDefined() ? Tensor.Allocate(t.DType, new Shape(dims)) : Tensor.Scalar(1f);
    }
}
