using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Factors by the compressor: tables, outputs less their means, and what an interrupted job leaves.</summary>
public sealed class FactorRecipeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("engine-").FullName;
    private readonly Random _random = new(41);

    public void Dispose() => Directory.Delete(_folder, true);

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => _random.NextSingle() * 2 - 1)];

    private static byte[] Bytes(CompressionResult r)
    {
        using var m = new MemoryStream();
        OnnxModelWriter.Write(r.Model, m);
        return m.ToArray();
    }

    private static CompressionResult Compress(ModelDefinition model, CompressionOptions options, CalibrationData data) => new Compressor(model, "source", options, data, CpuKernels.Standard, Workers.Single).Run();

    /// <summary>Rows of a table of 16 dimensions at heart, gathered and multiplied.</summary>
    private (ModelDefinition, CalibrationData) Table()
    {
        const int entries = 300, width = 96, rank = 16;
        var b = new GraphBuilder();
        var ids = b.Input("ids", DType.I64);
        ids.Declared = new DeclaredType.Tensor(DType.I64, [new(2), new(5)]);
        var rows = b.Op("Gather", 13, [b.Constant(Tensor.From(new Shape(entries, width), Products.Times(Values(entries * rank), entries, Values(rank * width), width, rank, Workers.Single))), ids]);
        b.Output(b.Op("MatMul", 13, [rows, b.Constant(Tensor.From(new Shape(width, 40), Values(width * 40)))]));
        var samples = Enumerable.Range(0, 20).Select(_ => (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue> { ["ids"] = Tensor.From(new Shape(2, 5), [.. Enumerable.Range(0, 10).Select(_ => (long)_random.Next(entries))]) });
        return (new ModelDefinition(b.Graph) { Opsets = new Dictionary<string, int> { [""] = 13 } }, new([.. samples], []));
    }

    [Theory]
    [InlineData("low-rank:16", 1e-4)]
    [InlineData("low-rank:energy=99.9%", 0.05)]
    [InlineData("low-rank:16+w8", 0.02)]
    [InlineData("low-rank:16+int4", 0.15)]
    public void Tables_become_narrow_ones_and_a_product(string scheme, double tolerance)
    {
        var (source, data) = Table();
        using var exact = Model.Create(new ModelDefinition(source.Graph));
        using var session = exact.CreateSession();
        var expected = ((Tensor)session.Run(data.Inputs[0]).Values.Single()).Span<float>().ToArray();
        // The product stays: the table is what this is about.
        var options = new CompressionOptions { Scheme = Scheme.Parse(scheme), Policy = new Policy { Last = Scheme.Float, Embeddings = Scheme.Parse(scheme) } };

        var r = Compress(source, options, data);

        Assert.Contains((r.Factored ?? r).Layers, l => l.Kind == LayerKind.Embedding && l.Scheme.Factors is { Kind: FactorKind.LowRank });
        var gather = r.Model.Graph.Nodes.Single(n => n.Op.Name == "Gather");
        Assert.Equal(new Shape(300, 16), gather.Inputs[0]!.Constant!.Shape);
        Assert.True(r.BytesAfter < r.BytesBefore / 2);
        using var model = Model.Load(Bytes(r));
        using var planned = model.CreateSession();
        var actual = ((Tensor)planned.Run(data.Inputs[0])[model.Outputs[0].Name]).Span<float>().ToArray();
        Assert.InRange(OutputError.Of([(expected, actual)]).RelativeRmse, 0, tolerance);
    }

    [Fact]
    public void Outputs_less_their_means_need_no_rank_for_the_mean()
    {
        // Outputs vary in six directions about a mean far from zero in a seventh.
        const int inputs = 64, outputs = 48, rank = 6, rows = 40;
        float[] directions = Values(rank * inputs), mean = [.. Values(inputs).Select(v => 5 * v)], w = Values(outputs * inputs);
        var samples = Enumerable.Range(0, 64).Select(_ =>
        {
            var x = Products.Times(Values(rows * rank), rows, directions, inputs, rank, Workers.Single);
            for (int i = 0; i < x.Length; i++) x[i] += mean[i % inputs];
            return (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue> { ["x"] = Tensor.From(new Shape(rows, inputs), x) };
        });
        CalibrationData data = new([.. samples], []);
        CompressionResult Factor(FactorMethod method)
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            b.Output(b.Op("Gemm", 13, [x, b.Constant(Tensor.From(new Shape(outputs, inputs), (float[])w.Clone())), b.Constant(Tensor.Vector<float>(new float[outputs]))], new() { ["transB"] = 1L }));
            return Compress(new ModelDefinition(b.Graph), new CompressionOptions { Scheme = Scheme.Parse($"low-rank:{rank}"), FactorMethod = method }, data);
        }

        CompressionResult plain = Factor(FactorMethod.Outputs), centred = Factor(FactorMethod.CentredOutputs);

        Assert.True(centred.Layers[0].Error.RelativeRmse < 0.1 * plain.Layers[0].Error.RelativeRmse, $"{centred.Layers[0].Error.RelativeRmse} against {plain.Layers[0].Error.RelativeRmse}");
        var bias = centred.Model.Graph.Nodes[^1].Inputs[2]!.ConstantTensor!;
        Assert.Contains(bias.Span<float>().ToArray(), v => Math.Abs(v) > 0.1);
        Assert.InRange(centred.Drop!.Error.RelativeRmse, 0, 0.02);
    }

    [Theory]
    [InlineData("low-rank:50%", 2)]
    [InlineData("int4", 1)]
    [InlineData("int4", 3)]
    public void A_recipe_interrupted_in_either_pass_goes_on_to_the_same_bytes(string stopIn, int stopAt)
    {
        string path = Path.Combine(Repository.Root, "bench", "models", "fashion-mlp", "model.onnx"), work = Path.Combine(_folder, "work");
        var c = OnnxTestCases.Find(Path.GetDirectoryName(path)!)[0];
        CalibrationData data = new([.. c.DataSets.Select(s => s.ReadInputs(OnnxModelReader.Load(path).Graph)).Select(v => new Dictionary<string, RuntimeValue> { ["x"] = v[0] })], []);
        CompressionResult Run(CompressionOptions o) => Compress(OnnxModelReader.Load(path), o, data);
        var options = new CompressionOptions { Scheme = Scheme.Parse("low-rank:50%+int4") };
        byte[] whole = Bytes(Run(options));
        int steps = 0;
        Assert.Throws<OperationCanceledException>(() => Run(options with { WorkFolder = work, Progress = s => { if (s.EndsWith(' ' + stopIn, StringComparison.Ordinal) && ++steps == stopAt) throw new OperationCanceledException(); } }));
        int factored = Directory.GetFiles(work + ".factors", "*.layer").Length, coded = Directory.Exists(work) ? Directory.GetFiles(work, "*.layer").Length : 0;
        Assert.Equal(stopIn == "int4" ? stopAt - 1 : 0, coded);

        var resumed = Run(options with { WorkFolder = work, Resume = true });

        Assert.Equal((factored, coded), (resumed.Factored!.Reused, resumed.Reused));
        Assert.InRange(factored, 1, 3);
        Assert.Equal(whole, Bytes(resumed));
        resumed.Finish();
        Assert.Empty(Directory.GetDirectories(_folder));
    }
}
