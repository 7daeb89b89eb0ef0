using Engine.Compression;
using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Layers of signs as bits and as trees: the model's own results, whichever form is taken.</summary>
public sealed class BinaryCompressionTests
{
    private const string Pulled = "fashion-bnn-vgg-mst";

    private static readonly CompressionOptions s_binary = new() { Scheme = Scheme.Float, Binary = true };

    private static CalibrationData TwoImages() => new([new Dictionary<string, RuntimeValue> { ["x"] = Tensor.From(new Shape(2, 1, 28, 28), ((Tensor)CompressionJobs.Samples(Pulled).Inputs[0]["x"]).Span<float>()[..(2 * 784)].ToArray()) }], []);

    private static CompressionResult Compress(ModelGraph graph, CompressionOptions options) => new Compressor(new ModelDefinition(graph), "source", options, CalibrationData.None, CpuKernels.Standard, Workers.Single).Run();

    private static float[] Run(ModelDefinition model, Tensor x, int level)
    {
        using var m = Model.Create(model, new ModelOptions { OptimizationLevel = level });
        using var session = m.CreateSession();
        return ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x })[m.Outputs[0].Name]).Span<float>().ToArray();
    }

    // Sign, two layers of signs with a normalization of every sign of gamma between, and one more that leaves f32; half of the filters are nearly the opposite of the others.
    private static BinaryGraph Network(int seed, bool perRow)
    {
        var g = new BinaryGraph(seed);
        int a = 5 + g.Next(20), b = 6 + g.Next(20);
        var x = g.Sign(g.Input(), 1 + g.Next(4));
        var y = g.Sign(g.Norm(g.Conv(x, Alike(g, perRow, a, 3, 3, 3), g.Window(3)), a), 1 + g.Next(4));
        y = g.Sign(g.Norm(g.Op("Relu", [g.Conv(y, Alike(g, perRow, b, a, 1, 1), g.Window(1))]), b), 2);
        g.Output(g.Norm(g.Conv(y, Alike(g, perRow, 7, b, 3, 3), g.Window(3)), 7));
        return g;
    }

    private static Tensor Alike(BinaryGraph g, bool perRow, params long[] dims)
    {
        var t = g.Signs(perRow, dims);
        var v = t.Span<float>();
        int row = (int)(t.Shape.Elements / dims[0]);
        for (int r = 1; r < dims[0]; r++)
            for (int k = 0; k < row; k++)
                if (g.Next(8) != 0) v[r * row + k] = MathF.CopySign(v[r * row + k], r % 2 == 0 ? v[k] : -v[k]);
        return t;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trees_and_bits_give_the_models_own_results(bool perRow)
    {
        int negated = 0;
        for (int seed = 0; seed < 12; seed++)
        {
            var x = Network(seed, perRow).F32(2, 3, 11, 13);
            float[] expected = Run(new ModelDefinition(Network(seed, perRow).Graph), x, 0);
            foreach (bool trees in (bool[])[true, false])
            {
                var r = Compress(Network(seed, perRow).Graph, s_binary with { NoFallback = trees });
                if (trees)
                {
                    Assert.All(r.Binary, l => Assert.True(l.IsTree));
                    Assert.Equal(r.Binary.Count, r.Model.Graph.Nodes.Count(n => n.Op is BinaryConv && n.Inputs[1]!.Constant is BinaryTree));
                    negated += r.Binary.Sum(l => l.Negated);
                }
                Assert.Equal(3, r.Binary.Count);
                AssertClose(expected, Run(r.Model, x, 0));
                byte[] file = CompressionJobs.EngineBytes(r);
                foreach (int level in (int[])[0, 2])
                {
                    using var m = Model.Load(file, new ModelOptions { OptimizationLevel = level });
                    using var session = m.CreateSession();
                    var outputs = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x })[m.Outputs[0].Name];
                    AssertClose(expected, outputs.Span<float>().ToArray());
                }
            }
        }
        Assert.True(negated > 50);
    }

    // A CPU without fused multiply-add rounds a normalization twice.
    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.True(MathF.Abs(expected[i] - actual[i]) <= 1e-5f * (1 + MathF.Abs(expected[i])), $"element {i}: expected {expected[i]}, got {actual[i]}");
    }

    [Fact]
    public void Trained_filters_that_were_pulled_together_are_trees()
    {
        var data = TwoImages();
        CompressionResult near = CompressionJobs.Compress(Pulled, s_binary, data), far = CompressionJobs.Compress("fashion-bnn-vgg", s_binary, CalibrationData.None);
        Assert.Equal([true, true, true], near.Binary.Select(l => l.IsTree));
        Assert.All(near.Binary, l => Assert.InRange(l.MeanDifference!.Value, 0.1, 0.16));
        Assert.Equal([false, false, false], far.Binary.Select(l => l.IsTree));
        Assert.All(far.Binary, l => Assert.Contains("more than 20", l.Reason, StringComparison.Ordinal));
        // N + the sum over the edges, against channels times N.
        var first = near.Binary[0];
        Assert.Equal((64, 288, 64 * 288L, 288 + first.Differences), (first.Channels, first.Inputs, first.Operations, first.TreeOperations));
        Assert.InRange(first.ExpectedGain!.Value, 6, 6.5);
        Assert.Equal((0, "classes"), (near.Drop!.Drop, near.Drop.Kind));
        Assert.Equal(0, near.Drop.Error.RelativeRmse);
        Assert.InRange(near.BytesAfter, 1, near.BytesBefore / 7);
        Assert.Equal(Run(OnnxModel(Pulled), (Tensor)data.Inputs[0]["x"], 2), CompressionJobs.Run(CompressionJobs.EngineBytes(near), data, 2).Span<float>().ToArray());
    }

    private static ModelDefinition OnnxModel(string name) => Engine.Formats.Onnx.OnnxModelReader.Load(CompressionJobs.ModelPath(name));

    [Fact]
    public void Other_layers_take_the_scheme_and_stored_trees_are_found_again()
    {
        var r = CompressionJobs.Compress(Pulled, s_binary with { Scheme = Scheme.Int8 }, TwoImages());
        Assert.All(r.Layers, l => Assert.Equal(Scheme.Int8, l.Scheme));
        Assert.Equal((2, 3), (r.Layers.Count, r.Binary.Count));
        var again = new Compressor(Engine.Formats.EngineFiles.EngineFileReader.Load(CompressionJobs.EngineBytes(CompressionJobs.Compress(Pulled, s_binary, CalibrationData.None))), "s", s_binary, CalibrationData.None, CpuKernels.Standard, Workers.Single).Run();
        Assert.Equal(r.Binary.Select(l => (l.Differences, l.IsTree)), again.Binary.Select(l => (l.Differences, l.IsTree)));
    }

    [Fact]
    public void Factors_in_codes_leave_layers_of_signs_to_the_first_pass()
    {
        var r = CompressionJobs.Compress(Pulled, s_binary with { Scheme = Scheme.Parse("low-rank:4+w8") }, CalibrationData.None);
        Assert.Equal(3, r.Binary.Count);
        Assert.Equal(3, r.Model.Graph.Nodes.Count(n => n.Op is BinaryConv));
    }

    [Fact]
    public void A_tree_that_measures_slower_is_stored_as_bits()
    {
        var table = new LatencyTable("here");
        var options = s_binary with { Latencies = table, Measure = true };
        IReadOnlyList<BinaryLayerReport> Store(CompressionOptions o)
        {
            // Maps of 3 x 3, whatever the model has.
            var graph = OnnxModel(Pulled).Graph;
            var context = new RewriteContext(new NodeEvaluator(CpuKernels.Standard));
            new ConstantFolding().Apply(graph, context);
            var layers = BinaryLayers.Find(graph, context);
            var types = graph.Nodes.Where(n => n.Op is BinaryConv).ToDictionary(n => n.Inputs[0]!, n => new TensorType(DType.F32, new Shape(1, n.Inputs[1]!.Constant!.Shape[1], 3, 3)));
            return layers.Store(o, types, Workers.Single, CancellationToken.None);
        }
        Assert.All(Store(options), l => Assert.True(l is { PackedNanoseconds: > 0, SharedNanoseconds: > 0, TreeNanoseconds: > 0, MeasuredGain: > 0 }));
        foreach (bool slow in (bool[])[true, false])
        {
            foreach (var k in table.Keys.Where(k => k.Form.Contains("tree", StringComparison.Ordinal)).ToList()) table.Set(k, slow ? 1_000_000_000 : 1, "conv-binary-mst scalar");
            var stored = Store(options with { Measure = false });
            Assert.All(stored, l => Assert.Equal(!slow, l.IsTree));
            if (slow) Assert.All(stored, l => Assert.Contains("times as long", l.Reason, StringComparison.Ordinal));
            Assert.All(Store(options with { Measure = false, NoFallback = true }), l => Assert.True(l.IsTree));
        }
    }

    [Fact]
    public void Without_layers_of_signs_every_reason_is_said()
    {
        Assert.Contains("takes the sign of nothing", Assert.Throws<InputException>(() => CompressionJobs.Compress("fashion-cnn", s_binary)).Message, StringComparison.Ordinal);
        var g = new BinaryGraph(1);
        var x = g.Sign(g.Input(), 1);
        g.Output(g.Conv(x, g.F32(4, 3, 3, 3), g.Window(3)));
        var e = Assert.Throws<InputException>(() => Compress(g.Graph, s_binary));
        Assert.Contains(g.Graph.Nodes[^1].Name, e.Message, StringComparison.Ordinal);
        Assert.Contains("differ in magnitude", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Groups_and_single_channels_are_no_trees()
    {
        var g = new BinaryGraph(3);
        var x = g.Sign(g.Input(), 1);
        g.Output(g.Conv(x, g.Signs(false, 6, 2, 3, 3), g.Window(3, group: 2)));
        g.Output(g.Conv(x, g.Signs(false, 1, 4, 3, 3), g.Window(3)));
        var r = Compress(g.Graph, s_binary with { NoFallback = true });
        Assert.Equal([("channels of different groups read different inputs", false), ("one channel is no tree", false)], r.Binary.Select(l => (l.Reason, l.IsTree)));
    }

    [Theory]
    [InlineData("binary", "float")]
    [InlineData("binary+int8", "int8")]
    [InlineData("binary+2:4+w8", "2:4+w8")]
    public void Notation(string text, string others)
    {
        var r = Recipe.Parse(text);
        Assert.Equal((true, others, 0), (r.IsBinary, r.Scheme.ToString(), r.Prune));
        Assert.Equal(text, new CompressionOptions { Scheme = r.Scheme, Binary = r.IsBinary }.Notation);
    }

    [Theory]
    [InlineData("prune:0.5+binary")]
    [InlineData("prune:auto+binary+int8")]
    [InlineData("binary+")]
    [InlineData("binary+binary")]
    public void No_notation(string text) => Assert.Throws<InputException>(() => Recipe.Parse(text));
}
