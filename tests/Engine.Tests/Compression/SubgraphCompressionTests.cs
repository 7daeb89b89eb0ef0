using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Models with branches and loops: layers in the main graph are compressed, those inside stay, and so does what they read.</summary>
public sealed class SubgraphCompressionTests
{
    private readonly Random _random = new(31);

    private Tensor F32(params long[] shape)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(shape));
        foreach (ref float v in t.Span<float>()) v = _random.NextSingle() - 0.5f;
        return t;
    }

    /// <summary>A stem of 16 channels that a branch reads, a trunk of 32 channels that nothing but the next layer reads, and a loop over the sum of trunk and branch.</summary>
    private ModelDefinition Model()
    {
        var b = new GraphBuilder();
        var (x, flag) = (b.Input("x", DType.F32), b.Input("flag", DType.Bool));
        x.Declared = new DeclaredType.Tensor(DType.F32, [new(1), new(3), new(8), new(8)]);
        flag.Declared = new DeclaredType.Tensor(DType.Bool, []);
        Value Conv(GraphBuilder g, Value from, int inputs, int outputs) => g.Op("Conv", 13, [from, g.Constant(F32(outputs, inputs, 1, 1))]);
        var stem = b.Op("Relu", 13, [Conv(b, x, 3, 16)]);
        var trunk = Conv(b, b.Op("Relu", 13, [Conv(b, stem, 16, 32)]), 32, 4);
        var branch = b.If(flag, t => Conv(t, stem, 16, 4), e => e.Op("Neg", 13, [Conv(e, stem, 16, 4)]));
        var sum = b.Op("Add", 13, [trunk, branch]);
        var looped = b.Loop(b.Constant(Tensor.Scalar(2L)), [sum], (body, carried) => ([body.Op("Tanh", 13, [Conv(body, Conv(body, carried[0], 4, 16), 16, 4)])], []));
        b.Output(looped[0]);
        return new ModelDefinition(b.Graph) { Opsets = new Dictionary<string, int> { [""] = 13 } };
    }

    private CalibrationData Samples() => new([.. Enumerable.Range(0, 6).Select(i => (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue> { ["x"] = F32(1, 3, 8, 8), ["flag"] = Tensor.Scalar(i % 2 == 0) })], []);

    private static float[] Run(Model model, IReadOnlyDictionary<string, RuntimeValue> sample)
    {
        using var session = model.CreateSession();
        return ((Tensor)session.Run(sample)[model.Outputs[0].Name]).Span<float>().ToArray();
    }

    private static CompressionResult Compress(ModelDefinition model, string recipe, CalibrationData data)
    {
        var r = Recipe.Parse(recipe);
        return new Compressor(model, "source", new() { Scheme = r.Scheme, Prune = r.Prune }, data, CpuKernels.Standard, Workers.Single).Run();
    }

    private static IEnumerable<Tensor> Inner(ModelGraph g) => g.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(s => s.Nodes).SelectMany(n => n.Inputs).Select(v => v?.ConstantTensor).OfType<Tensor>();

    [Theory]
    [InlineData("int8", 0.1)]
    [InlineData("int4", 0.3)]
    [InlineData("prune:0.5", 0.9)]
    [InlineData("prune:0.5+int8", 0.9)]
    [InlineData("low-rank:8+w8", 0.9)]
    public void Layers_inside_stay_and_are_named_and_the_rest_is_compressed(string recipe, double tolerance)
    {
        var data = Samples();
        var source = Model();
        using var exact = Engine.Model.Create(new ModelDefinition(source.Graph));
        var expected = data.Inputs.Select(s => Run(exact, s)).ToList();
        var inner = Inner(source.Graph).ToList();

        var r = Compress(source, recipe, data);

        Assert.Equal(4, r.InSubgraphs.Count);
        Assert.DoesNotContain(r.Layers, l => r.InSubgraphs.Contains(l.Name));
        Assert.True(r.BytesAfter < r.BytesBefore);
        // All of the weights inside count on both sides.
        Assert.True(r.BytesAfter >= inner.Where(t => t.DType == DType.F32).Sum(t => t.ByteLength));
        Assert.Equal(inner, Inner(r.Model.Graph));
        using var file = new MemoryStream();
        OnnxModelWriter.Write(r.Model, file);
        using var model = Engine.Model.Load(file.ToArray());
        var errors = OutputError.Of([.. data.Inputs.Zip(expected, (s, e) => (e, Run(model, s)))]);
        Assert.InRange(errors.RelativeRmse, 1e-9, tolerance);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Channels_that_a_branch_reads_are_not_removed(bool hasSamples)
    {
        var r = Compress(Model(), "prune:0.5", hasSamples ? Samples() : CalibrationData.None);
        // Not the stem's sixteen.
        Assert.Equal([(32, 16)], r.Pruned.Select(p => (p.Before, p.After)));
    }
}
