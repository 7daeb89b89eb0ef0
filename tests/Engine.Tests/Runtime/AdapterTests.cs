using Engine.Graph;
using Engine.Tensors;
using Engine.Tests.Formats.Safetensors;

namespace Engine.Tests;

/// <summary>Weights that sessions see in other forms: ranks cut short, adapters added.</summary>
public sealed class AdapterTests
{
    // Smaller weights are decoded for shape arithmetic to read.
    private const int Rows = 3, Inputs = 320, Hidden = 300, Outputs = 256;

    private readonly Random _random = new(11);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() - 0.5f;
        return t;
    }

    private Tensor X => field ??= F32(Rows, Inputs);

    /// <summary>Gemm with [outputs, inputs] and ReLU, then MatMul with [inputs, outputs].</summary>
    private static ModelDefinition Define(Weight first, Weight second)
    {
        var graph = new ModelGraph("g");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new Dim(Rows), new Dim(Inputs)])), h = new("h"), a = new("a"), y = new("y");
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        Node Make(string op, Dictionary<string, object> attributes, Value?[] inputs, Value output) =>
            new(op, OperatorRegistry.Standard.Create("", op, new Attributes(13, attributes) { InputCount = inputs.Length }, op), inputs, [output]);
        graph.Nodes.Add(Make("Gemm", new() { ["transB"] = 1L }, [x, new Value("fc1.weight") { Constant = first }], h));
        graph.Nodes.Add(Make("Relu", [], [h], a));
        graph.Nodes.Add(Make("MatMul", [], [a, new Value("fc2") { Constant = second }], y));
        return new ModelDefinition(graph);
    }

    private float[] Run(Model model, SessionOptions? options = null)
    {
        using var session = model.CreateSession(options);
        return ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = X })["y"]).Span<float>().ToArray();
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        float largest = expected.Max(MathF.Abs);
        Assert.True(largest > 0);
        for (int i = 0; i < expected.Length; i++) Assert.True(MathF.Abs(expected[i] - actual[i]) <= 2e-5f * largest, $"element {i} is {actual[i]}, expected {expected[i]}");
    }

    private LowRank Nested(int outputs, int inputs, int rank = 24) => new(new Shape(outputs, inputs), new Dense(F32(rank, outputs)), new Dense(F32(rank, inputs)));

    [Fact]
    public void A_rank_is_chosen_at_load_or_by_session_and_nothing_is_copied()
    {
        LowRank first = Nested(Hidden, Inputs), second = Nested(Hidden, Outputs);
        using var model = Model.Create(Define(first, second));
        float[] whole = Run(model);
        long packed = model.PackedBytes;
        Assert.InRange(packed, 1, 4 * 40 * (Hidden + Inputs + Hidden + Outputs));
        foreach (int rank in (int[])[1, 8, 23])
        {
            using var apart = Model.Create(Define(first.Prefix(rank), second.Prefix(rank)));
            using var atLoad = Model.Create(Define(first, second), new ModelOptions { Rank = new RankLimit(rank) });
            float[] expected = Run(apart);
            Assert.Equal(expected, Run(model, new SessionOptions { Rank = new RankLimit(rank) }));
            Assert.Equal(expected, Run(atLoad));
            Assert.NotEqual(whole, expected);
        }
        using var half = Model.Create(Define(first.Prefix(12), second.Prefix(12)));
        Assert.Equal(Run(half), Run(model, new SessionOptions { Rank = RankLimit.OfPart(0.5) }));
        Assert.Equal(whole, Run(model, new SessionOptions { Rank = new RankLimit(1000) }));
        Assert.Equal(packed, model.PackedBytes);
        Assert.Throws<InputException>(() => model.CreateSession(new SessionOptions { Rank = new RankLimit(0) }));
    }

    private Adapter LoRA(string name, int rank = 4) => new(name, new Dictionary<string, Weight> { ["fc1"] = Nested(Hidden, Inputs, rank), ["fc2"] = Nested(Outputs, Hidden, rank) });

    private static Weight Dense(Tensor t) => new Dense(t);

    [Fact]
    public void Adapters_are_merged_at_load_or_switched_by_session_over_one_packed_base()
    {
        Weight first = Dense(F32(Hidden, Inputs)), second = Dense(F32(Hidden, Outputs));
        Adapter a = LoRA("a"), b = LoRA("b", 8);
        using var model = Model.Create(Define(first, second));
        float[] plain = Run(model);
        long packed = model.PackedBytes;

        float[] withA = Run(model, new SessionOptions { Adapters = [a] }), withB = Run(model, new SessionOptions { Adapters = [b] }), both = Run(model, new SessionOptions { Adapters = [a, b], Threads = 2 });

        foreach (var (adapters, actual) in new[] { (new[] { a }, withA), ([b], withB), ([a, b], both) })
        {
            using var merged = Model.Create(Define(first, second), new ModelOptions { MergedAdapters = adapters });
            AssertClose(Run(merged), actual);
        }
        Assert.NotEqual(plain, withA);
        Assert.NotEqual(withA, withB);
        Assert.Equal(plain, Run(model));
        Assert.Equal(withA, Run(model, new SessionOptions { Adapters = [a] }));
        // Factors of both adapters in panels of 16 to 48 columns; no second copy of the base.
        Assert.InRange(model.PackedBytes - packed, 1, 2 * 4 * 16 * (Hidden + Inputs + Hidden + Outputs));
    }

    [Fact]
    public void An_adapter_must_fit_the_model()
    {
        using var model = Model.Create(Define(Dense(F32(Hidden, Inputs)), Dense(F32(Hidden, Outputs))));
        var unknown = Assert.Throws<InputException>(() => model.CreateSession(new SessionOptions { Adapters = [new Adapter("tuned", new Dictionary<string, Weight> { ["fc3"] = Nested(4, 4) })] }));
        Assert.Contains("'tuned'", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("fc3", unknown.Message, StringComparison.Ordinal);
        var wrong = Assert.Throws<InputException>(() => model.CreateSession(new SessionOptions { Adapters = [new Adapter("tuned", new Dictionary<string, Weight> { ["fc1"] = Nested(Inputs, Hidden) })] }));
        Assert.Contains($"[{Inputs}, {Hidden}]".Replace(" ", "", StringComparison.Ordinal), wrong.Message.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    /// <summary>A safetensors file of f32 tensors.</summary>
    private static string Write(params (string Name, Tensor Tensor)[] tensors)
    {
        var bytes = new SafetensorsBytes();
        foreach (var (name, t) in tensors) bytes.Add(name, "F32", t.Shape.Dims.ToArray(), t.Span<float>().ToArray());
        string path = Path.Combine(Path.GetTempPath(), $"adapter-{Guid.NewGuid():N}.safetensors");
        File.WriteAllBytes(path, bytes.ToArray());
        return path;
    }

    [Fact]
    public void Adapter_files_add_what_their_parts_multiply_to()
    {
        Tensor down = F32(4, Inputs), up = F32(Hidden, 4), outer = F32(8, 10), inner = F32(32, 30), first = F32(Hidden, Inputs), second = F32(Hidden, Outputs);
        string path = Write(("base_model.model.fc1.lora_A.weight", down), ("base_model.model.fc1.lora_B.weight", up), ("base_model.model.fc1.alpha", Tensor.Vector(8f)), ("fc2.krona_A.weight", outer), ("fc2.krona_B.weight", inner));
        try
        {
            var adapter = Adapter.Load(path, 0.5f);
            Assert.Equal(["fc1", "fc2"], adapter.Layers.Order(StringComparer.Ordinal));
            float[] sum1 = first.Span<float>().ToArray(), sum2 = second.Span<float>().ToArray();
            for (int o = 0; o < Hidden; o++)
                for (int k = 0; k < Inputs; k++)
                    for (int r = 0; r < 4; r++) sum1[o * Inputs + k] += 0.5f * 8 / 4 * up.Span<float>()[o * 4 + r] * down.Span<float>()[r * Inputs + k];
            // Outputs u · 8 + i, inputs j · 30 + v; the constant holds [inputs, outputs].
            for (int i = 0; i < 8; i++)
                for (int u = 0; u < 32; u++)
                    for (int j = 0; j < 10; j++)
                        for (int v = 0; v < 30; v++) sum2[(j * 30 + v) * Outputs + u * 8 + i] += 0.5f * outer.Span<float>()[i * 10 + j] * inner.Span<float>()[u * 30 + v];
            using var expected = Model.Create(Define(Dense(Tensor.From(first.Shape, sum1)), Dense(Tensor.From(second.Shape, sum2))));
            using var merged = Model.Create(Define(Dense(first), Dense(second)), new ModelOptions { MergedAdapters = [adapter] });
            using var model = Model.Create(Define(Dense(first), Dense(second)));

            AssertClose(Run(expected), Run(merged));
            AssertClose(Run(expected), Run(model, new SessionOptions { Adapters = [adapter] }));
            Assert.Equal(["head"], Adapter.Load(path, names: new Dictionary<string, string> { ["fc1"] = "head", ["fc2"] = "tail" }).Layers.Where(l => l == "head"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Kronecker_adapters_have_the_order_of_outputs_of_their_code()
    {
        const int a = 3, b = 4, p = 5, q = 6;
        Tensor outer = F32(a, b), inner = F32(p, q), x = F32(b * q);
        string path = Write(("plain.lokr_w1", outer), ("plain.lokr_w2", inner), ("grid.krona_A.weight", outer), ("grid.krona_B.weight", inner));
        try
        {
            var deltas = Engine.Formats.Safetensors.AdapterFile.Read(path);
            // X [b, q] between its factors: Y = A X Bᵀ [a, p], read row by row, or, as DiffuseKronA has it, column by column.
            var y = new double[a, p];
            for (int i = 0; i < a; i++)
                for (int u = 0; u < p; u++)
                    for (int j = 0; j < b; j++)
                        for (int v = 0; v < q; v++) y[i, u] += (double)outer.Span<float>()[i * b + j] * inner.Span<float>()[u * q + v] * x.Span<float>()[j * q + v];
            foreach (string layer in (string[])["plain", "grid"])
            {
                var w = deltas[layer].ToF32();
                Assert.Equal(new Shape(a * p, b * q), w.Shape);
                for (int o = 0; o < a * p; o++)
                {
                    double sum = 0;
                    for (int k = 0; k < b * q; k++) sum += (double)w.Span<float>()[o * b * q + k] * x.Span<float>()[k];
                    Assert.Equal(layer == "plain" ? y[o / p, o % p] : y[o % a, o / a], sum, 5);
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("fc1.lora_A.weight", "fc1.lora_C.weight", 4, "lora_B")]
    [InlineData("fc1.lora_A.weight", "fc1.lora_B.weight", 5, "rank")]
    [InlineData("fc1.bias", "fc2.bias", 4, "no adapter")]
    public void A_damaged_adapter_is_refused(string first, string second, int rank, string says)
    {
        string path = Write((first, F32(4, Inputs)), (second, F32(Hidden, rank)));
        try
        {
            var e = Assert.Throws<InvalidModelException>(() => Adapter.Load(path));
            Assert.Contains(says, e.Message, StringComparison.Ordinal);
            Assert.Contains(Path.GetFileName(path), e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
