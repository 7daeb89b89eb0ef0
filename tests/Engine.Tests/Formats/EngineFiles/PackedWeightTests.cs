using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Weights stored in layouts of kernels: used as they lie, never trusted, and never needed.</summary>
public class PackedWeightTests
{
    private static readonly ModelOptions s_header = new() { Verification = Verification.Header };

    public static TheoryData<string> Seeds => [.. PackedSeeds.Models.Keys];

    [Theory, MemberData(nameof(Seeds))]
    public void Stored_layouts_are_used_and_give_the_same_bits(string seed)
    {
        var (plain, expected) = Run(Model.Create(PackedSeeds.Models[seed]()));
        var packed = plain.PackedLayouts();
        long bytes = packed.Sum(p => p.Values.ByteLength);
        Assert.NotEmpty(packed);
        byte[] file = EngineFileSeeds.Write(plain.Definition, packed: packed);
        foreach (var options in new[] { s_header, new ModelOptions() })
        {
            var (stored, actual) = Run(Model.Load(file, options));
            Assert.Equal(expected, actual);
            Assert.Equal((bytes, plain.PackedBytes - bytes), (stored.StoredPackedBytes, stored.PackedBytes));
            // What is stored is stored again as it was.
            Assert.Equal(file, EngineFileSeeds.Write(stored.Definition, packed: stored.PackedLayouts()));
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Equal_models_give_equal_files_whatever_the_threads(string seed)
    {
        byte[] source = EngineFileSeeds.Write(PackedSeeds.Models[seed]());
        byte[] Pack(int threads)
        {
            var (model, _) = Run(Model.Load(source), threads);
            return EngineFileSeeds.Write(model.Definition, packed: model.PackedLayouts());
        }
        Assert.Equal(Pack(1), Pack(3));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Layouts_that_no_kernel_here_asks_for_are_left_alone(string seed)
    {
        var (plain, expected) = Run(Model.Create(PackedSeeds.Models[seed]()));
        byte[] file = EngineFileSeeds.Write(plain.Definition, packed: [.. plain.PackedLayouts().Select(p => p with { Layout = p.Layout.Replace(" v", " v0", StringComparison.Ordinal) })]);
        var (stored, actual) = Run(Model.Load(file));
        Assert.Equal(expected, actual);
        Assert.Equal((0, plain.PackedBytes), (stored.StoredPackedBytes, stored.PackedBytes));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void A_wrong_size_is_an_error_that_names_section_and_layer(string seed)
    {
        var (plain, _) = Run(Model.Create(PackedSeeds.Models[seed]()));
        var packed = plain.PackedLayouts();
        for (int i = 0; i < packed.Count; i++)
        {
            var values = Tensor.Allocate(packed[i].Values.DType, new Shape(packed[i].Values.Shape.Elements - 1));
            byte[] file = EngineFileSeeds.Write(plain.Definition, packed: [.. packed.Select((p, j) => j == i ? p with { Values = values } : p)]);
            var e = Assert.Throws<InvalidModelException>(() => Run(Model.Load(file)));
            Assert.Contains($"{packed[i].Layout}'", e.Message, StringComparison.Ordinal);
            Assert.Contains(packed[i].Values.Type.ToString(), e.Message, StringComparison.Ordinal);
            Assert.Contains(plain.Definition.Graph.Nodes, n => e.Message.Contains(n.Describe(), StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Damage_is_found_at_load_or_when_the_layer_is_first_planned()
    {
        var b = new GraphBuilder();
        var w = WeightSamples.Floats(new Random(1), 200, 300);
        b.Output(b.Op("MatMul", 13, [b.Input("x", DType.F32), b.Constant(w)]));
        var x = new Dictionary<string, RuntimeValue> { ["x"] = WeightSamples.Floats(new Random(2), 4, 200) };
        using var plain = Model.Create(new ModelDefinition(b.Graph) { Opsets = new Dictionary<string, int> { [""] = 17 } });
        plain.Plan(x);
        string path = Path.GetTempFileName();
        try
        {
            EngineFileWriter.Write(plain.Definition, path, packed: plain.PackedLayouts());
            byte[] bytes = File.ReadAllBytes(path);
            bytes[bytes.AsSpan().LastIndexOf(plain.PackedLayouts()[0].Values.Bytes[..64]) + 99_999] ^= 1;
            File.WriteAllBytes(path, bytes);
            Assert.Contains("/packed/gemm-f32", Assert.Throws<InvalidModelException>(() => Model.Load(path)).Message, StringComparison.Ordinal);
            using var model = Model.Load(path, s_header);
            using var session = model.CreateSession();
            for (int i = 0; i < 2; i++)
            {
                var e = Assert.Throws<InvalidModelException>(() => session.Run(x));
                Assert.Equal(path, e.File);
                Assert.Contains(model.Definition.Graph.Nodes[0].Describe(), e.Message, StringComparison.Ordinal);
                Assert.Contains("/packed/gemm-f32", e.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_weight_that_the_graph_does_not_have_is_not_written()
    {
        var (plain, _) = Run(Model.Create(PackedSeeds.Models["products"]()));
        var stray = new PackedWeight(new Dense(Tensor.Scalar(1f)), "gemm-f32 v1", Tensor.Scalar(1f));
        Assert.Equal(EngineFileSeeds.Write(plain.Definition), EngineFileSeeds.Write(plain.Definition, packed: [stray]));
        Assert.Throws<InvalidModelException>(() => EngineFileSeeds.Load(EngineFileSeeds.Write(plain.Definition, packed: [.. plain.PackedLayouts(), .. plain.PackedLayouts()])));
    }

    private static (Model Model, List<byte[]> Outputs) Run(Model model, int threads = 1)
    {
        using var session = model.CreateSession(new SessionOptions { Threads = threads });
        var results = session.Run(PackedSeeds.Inputs(model.Definition));
        return (model, [.. model.Outputs.Select(o => ((Tensor)results[o.Name]).Bytes.ToArray())]);
    }
}
