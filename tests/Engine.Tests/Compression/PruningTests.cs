using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Which channels go together, that removing channels of zeros changes nothing, and what is made up for.</summary>
public sealed class PruningTests
{
    private static readonly CompressionOptions s_half = new() { Scheme = Scheme.Float, Prune = 0.5 };

    // Small integers: sums are exact in any order.
    private static Tensor Integers(Random random, params long[] shape)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(shape));
        foreach (ref float v in t.Span<float>()) v = random.Next(-1, 2);
        return t;
    }

    /// <summary>A residual network with a depthwise convolution, a concatenation, a gate of one number a channel and a classifier behind a flattening.</summary>
    internal static ModelGraph Network(Random random, int channels)
    {
        var b = new GraphBuilder();
        Value Conv(Value x, int from, int to, int kernel, int group = 1) => b.Op("Conv", 13, [x, b.Constant(Integers(random, to, from / group, kernel, kernel)), b.Constant(Integers(random, to))],
            new() { ["pads"] = new long[] { kernel / 2, kernel / 2, kernel / 2, kernel / 2 }, ["group"] = (long)group });
        var x = b.Input("x", DType.F32);
        b.Graph.Inputs[0].Declared = new DeclaredType.Tensor(DType.F32, [new(1), new(3), new(6), new(6)]);
        var stem = b.Op("Relu", 13, [Conv(x, 3, channels, 3)]);
        var branch = b.Op("Relu", 13, [Conv(stem, channels, 2 * channels, 1)]);
        branch = b.Op("Relu", 13, [Conv(branch, 2 * channels, 2 * channels, 3, 2 * channels)]);
        var sum = b.Op("Add", 13, [stem, Conv(branch, 2 * channels, channels, 1)]);
        var gate = b.Op("GlobalMaxPool", 13, [sum]);
        gate = b.Op("Clip", 13, [b.Op("Add", 13, [gate, b.Constant(Integers(random, 1, channels, 1, 1))]), b.Constant(Tensor.Scalar(-1f)), b.Constant(Tensor.Scalar(2f))]);
        sum = b.Op("Mul", 13, [sum, gate]);
        var other = b.Op("MaxPool", 13, [Conv(sum, channels, channels + 2, 3)], new() { ["kernel_shape"] = new long[] { 3, 3 }, ["pads"] = new long[] { 1, 1, 1, 1 } });
        var both = b.Op("Concat", 13, [sum, other], new() { ["axis"] = 1L });
        both = b.Op("MaxPool", 13, [both], new() { ["kernel_shape"] = new long[] { 2, 2 }, ["strides"] = new long[] { 2, 2 } });
        var flat = b.Op("Reshape", 13, [both, b.Constant(Tensor.Vector<long>(1, (2 * channels + 2) * 9))]);
        b.Output(b.Op("Gemm", 13, [flat, b.Constant(Integers(random, 5, (2 * channels + 2) * 9)), b.Constant(Integers(random, 5))], new() { ["transB"] = 1L }));
        return b.Graph;
    }

    private static Tensor Run(ModelGraph g, Tensor x) => (Tensor)new Interpreter(CpuKernels.Standard).Run(g, [x])[0];

    private static ChannelAnalysis Analyze(ModelGraph g) => ChannelAnalysis.Of(g, WireTypes.Of(g, CalibrationData.None, CpuKernels.Standard, Workers.Single, default), CpuKernels.Standard, Workers.Single);

    [Fact]
    public void Channels_of_a_residual_sum_and_of_a_depthwise_convolution_go_together()
    {
        var groups = ChannelGroup.Of(Analyze(Network(new Random(1), 8)));
        Assert.Equal([8, 16, 10], groups.Select(g => g.Sets.Length));
        // The stem and the branch's end make the residual; the branch's first layer, the other branch and the classifier read it.
        Assert.Equal([(2, 3), (2, 1), (1, 1)], groups.Select(g => (g.Producers.Count, g.Consumers.Count)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Removing_channels_of_zeros_changes_no_bit(int seed)
    {
        var random = new Random(seed);
        var graph = Network(random, random.Next(4, 12));
        var analysis = Analyze(graph);
        var removed = ChannelGroup.Of(analysis).SelectMany(g => g.Sets.Skip(1).Where(_ => random.Next(2) == 0)).ToHashSet();
        Assert.NotEmpty(removed);
        // What makes a channel is zero: rows of weights, biases, constants added.
        foreach (var (constant, axes) in analysis.Constants)
            for (int axis = 0; axis < axes.Length; axis++)
            {
                if (axes[axis] is not { } labels || analysis.Linear.Exists(w => w.Weight == constant && w.ColumnAxis == axis)) continue;
                var t = constant.ConstantTensor!;
                int inner = (int)t.Shape.Product(axis + 1, t.Shape.Rank);
                for (int i = 0; i < t.Shape.Count; i++) if (removed.Contains(analysis.Sets.Find(labels[i / inner % labels.Length]))) t.Span<float>()[i] = 0;
            }
        var pruned = PrunedGraph.Of(graph, analysis, removed, new Dictionary<Value, Tensor>());
        Assert.True(pruned.Constants.Sum(c => c.Constant!.StoredBytes) < graph.Constants.Sum(c => c.Constant!.StoredBytes));
        var x = Integers(random, 1, 3, 6, 6);
        Tensor exact = Run(graph, x), y = Run(pruned, x);
        Assert.Contains(exact.Span<float>().ToArray(), v => v != 0);
        Assert.True(exact.Bytes.SequenceEqual(y.Bytes));
    }

    [Fact]
    public void Normalizations_of_channels_keep_zeros_and_lose_their_parameters()
    {
        var random = new Random(6);
        const int channels = 10;
        Tensor PowersOfTwo(int count) => Tensor.Vector<float>([.. Enumerable.Range(0, count).Select(_ => (float)(1 << random.Next(3)))]);
        // One input channel an output: no sum whose order could matter.
        var selector = Tensor.Allocate(DType.F32, new Shape(6, channels, 1, 1));
        for (int o = 0; o < 6; o++) selector.Span<float>()[o * channels + o] = 1;
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        x.Declared = new DeclaredType.Tensor(DType.F32, [new(1), new(3), new(6), new(6)]);
        var wire = b.Op("Conv", 13, [x, b.Constant(Integers(random, channels, 3, 3, 3)), b.Constant(Integers(random, channels))]);
        wire = b.Op("InstanceNormalization", 13, [wire, b.Constant(PowersOfTwo(channels)), b.Constant(Integers(random, channels))]);
        wire = b.Op("BatchNormalization", 15, [b.Op("Relu", 13, [wire]), b.Constant(PowersOfTwo(channels)), b.Constant(Integers(random, channels)), b.Constant(Integers(random, channels)), b.Constant(PowersOfTwo(channels))], new() { ["epsilon"] = 1f });
        b.Output(b.Op("Conv", 13, [wire, b.Constant(selector)]));
        var analysis = Analyze(b.Graph);
        var removed = ChannelGroup.Of(analysis)[0].Sets.Where((_, i) => i % 3 == 1).ToHashSet();
        Assert.Equal(3, removed.Count);
        int lost = 0;
        foreach (var (constant, axes) in analysis.Constants.Where(c => c.Key.ConstantTensor!.Shape.Rank == 1 || c.Key.ConstantTensor.Shape[0] == channels))
        {
            var t = constant.ConstantTensor!;
            int inner = (int)t.Shape.Product(1, t.Shape.Rank);
            for (int i = 0; i < t.Shape.Count; i++) if (removed.Contains(analysis.Sets.Find(axes[0]![i / inner]))) t.Span<float>()[i] = 0;
            lost++;
        }
        // The filters, their bias, two parameters of one norm and four of the other.
        Assert.Equal(8, lost);

        var pruned = PrunedGraph.Of(b.Graph, analysis, removed, new Dictionary<Value, Tensor>());

        Assert.All(pruned.Constants, c => Assert.Contains(7L, c.Constant!.Shape.ToArray()));
        var input = Integers(random, 1, 3, 6, 6);
        Assert.Equal(Run(b.Graph, input).Span<float>().ToArray(), Run(pruned, input).Span<float>().ToArray());
    }

    // Filters of the second half are sums of those of the first; nothing but linear operators follows.
    private static (ModelGraph, CalibrationData) Dependent()
    {
        var random = new Random(7);
        Tensor w = Tensor.Allocate(DType.F32, new Shape(16, 3, 1, 1)), v = Tensor.Allocate(DType.F32, new Shape(4, 16, 3, 3));
        foreach (ref float f in w.Span<float>()) f = (float)random.NextDouble() - 0.5f;
        foreach (ref float f in v.Span<float>()) f = (float)random.NextDouble() - 0.5f;
        for (int i = 8; i < 16; i++)
            for (int c = 0; c < 3; c++) w.Span<float>()[i * 3 + c] = 0.1f * (w.Span<float>()[(i - 8) * 3 + c] - w.Span<float>()[(i - 7) * 3 + c]);
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        x.Declared = new DeclaredType.Tensor(DType.F32, [new(1), new(3), new(8), new(8)]);
        b.Output(b.Op("Conv", 13, [b.Op("Conv", 13, [x, b.Constant(w)]), b.Constant(v)]));
        var samples = Enumerable.Range(0, 6).Select(_ =>
        {
            var t = Tensor.Allocate(DType.F32, new Shape(1, 3, 8, 8));
            foreach (ref float f in t.Span<float>()) f = (float)random.NextDouble() - 0.5f;
            return (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue> { ["x"] = t };
        });
        return (b.Graph, new([.. samples], []));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Channels_that_others_tell_are_made_up_for(bool hasSamples)
    {
        double Error(bool reconstruct)
        {
            var (graph, data) = Dependent();
            var exact = data.Inputs.Select(s => Run(graph, (Tensor)s["x"]).Span<float>().ToArray()).ToList();
            var pruning = new ChannelPruning(s_half with { Reconstruct = reconstruct }, graph, hasSamples ? data : CalibrationData.None, CpuKernels.Standard, Workers.Single, default);
            var pruned = pruning.Run(pruning.Keep(0.5), default);
            return OutputError.Of([.. data.Inputs.Select((s, i) => (exact[i], Run(pruned, (Tensor)s["x"]).Span<float>().ToArray()))]).RelativeRmse;
        }
        double left = Error(true);
        Assert.InRange(left, 0, 0.05);
        Assert.True(Error(false) > 2 * left);
    }

    [Theory]
    [InlineData("fashion-cnn", 4)]
    [InlineData("fashion-mlp", 4)]
    public void Half_of_the_channels_are_gone_from_models_of_the_repository(string model, int groups)
    {
        string path = Path.Combine(Repository.Root, "bench", "models", model, "model.onnx");
        var r = new Compressor(OnnxModelReader.Load(path), "source", s_half, CalibrationData.None, CpuKernels.Standard, Workers.Single).Run();
        Assert.InRange(r.Pruned.Count, 2, groups);
        Assert.All(r.Pruned, p => Assert.Equal(p.Before / 2, p.After));
        Assert.InRange((double)r.BytesBefore / r.BytesAfter, 1.8, 4.5);
        using var stream = new MemoryStream();
        OnnxModelWriter.Write(r.Model, stream);
        using var loaded = Model.Load(stream.ToArray());
        using var session = loaded.CreateSession();
        var c = OnnxTestCases.Find(Path.GetDirectoryName(path)!)[0].DataSets[0].ReadInputs(OnnxModelReader.Load(path).Graph);
        var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { [loaded.Inputs[0].Name] = c[0] })[loaded.Outputs[0].Name];
        Assert.Equal(10, y.Shape[1]);
        Assert.All(y.Span<float>().ToArray(), v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void Channels_go_once_before_factors_and_codes_and_the_model_says_so()
    {
        string path = Path.Combine(Repository.Root, "bench", "models", "fashion-mlp", "model.onnx");
        CompressionResult Run(double part) => new Compressor(OnnxModelReader.Load(path), "source", new() { Scheme = Scheme.Parse("low-rank:50%+w8"), Prune = part }, CalibrationData.None, CpuKernels.Standard, Workers.Single).Run();
        CompressionResult whole = Run(0), half = Run(0.5);
        Assert.Empty(whole.Pruned);
        Assert.All(half.Pruned, p => Assert.Equal(p.Before / 2, p.After));
        Assert.Equal(whole.BytesBefore, half.BytesBefore);
        Assert.True(half.BytesAfter < 0.7 * whole.BytesAfter);
        Assert.DoesNotContain("\"prune\"", whole.Model.Metadata["engine.compression"], StringComparison.Ordinal);
        Assert.Contains("\"prune\":0.5", half.Model.Metadata["engine.compression"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_transformers_normalized_stream_stays_as_it_is()
    {
        string path = Path.Combine(Repository.Root, "bench", "models", "fashion-transformer", "model.onnx");
        var r = new Compressor(OnnxModelReader.Load(path), "source", s_half, CalibrationData.None, CpuKernels.Standard, Workers.Single).Run();
        // The hidden layers of the blocks can lose channels; what a layer norm sees cannot.
        Assert.All(r.Pruned, p => Assert.Equal(p.Before / 2, p.After));
        Assert.NotEmpty(r.Pruned);
    }

    [Theory]
    [InlineData("prune:0.5", 0.5, "float")]
    [InlineData("prune:0.25+int8", 0.25, "int8")]
    [InlineData("int4-g64", 0, "int4-g64")]
    public void Recipes_are_read(string text, double part, string scheme) => Assert.Equal(new Recipe(part, Scheme.Parse(scheme)), Recipe.Parse(text));

    [Theory]
    [InlineData("prune:auto", "float")]
    [InlineData("prune:auto+2:4+int8", "2:4+int8")]
    public void Recipes_leave_the_part_to_a_limit(string text, string scheme) => Assert.Equal(new Recipe(0, Scheme.Parse(scheme)) { IsAuto = true }, Recipe.Parse(text));

    [Theory]
    [InlineData("prune:")]
    [InlineData("prune:automatic")]
    [InlineData("prune:1")]
    [InlineData("prune:0")]
    [InlineData("prune:0.5+")]
    [InlineData("prune:x+int8")]
    public void Wrong_recipes_say_what_is_expected(string text) => Assert.Throws<InputException>(() => Recipe.Parse(text));
}
