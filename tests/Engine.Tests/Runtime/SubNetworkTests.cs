using Engine.Formats;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Parts of a model on the model's own weights, against the same parts stored as models of their own.</summary>
public class SubNetworkTests
{
    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public void Every_part_gives_the_bits_of_the_same_network_stored_by_itself(bool quantized, bool onnx)
    {
        using var model = Model.Create(ElasticNetwork.Create(1, quantized));
        using var stored = Model.Create(ElasticNetwork.Create(1, quantized), new ModelOptions { OptimizationLevel = quantized ? 0 : 1 });
        using var session = model.CreateSession(new SessionOptions { Threads = 2 });
        var input = Inputs();
        var random = new Random(2);
        var seen = new HashSet<string>();
        for (int round = 0; round < 12; round++)
        {
            Dictionary<string, int> width = Any(model.Elastic.Widths, random), depth = Any(model.Elastic.Depths, random), kernel = Any(model.Elastic.Kernels, random);
            var part = Select(model, width, depth, kernel);
            session.Use(part);
            var actual = (Tensor)session.Run(input).Values.Single();
            using var bytes = new MemoryStream();
            var extracted = Select(stored, width, depth, kernel).Extract();
            if (onnx) OnnxModelWriter.Write(extracted, bytes);
            else EngineFileWriter.Write(extracted, bytes);
            using var alone = Model.Load(bytes.ToArray());
            Assert.Empty(alone.Elastic.All);
            using var reference = alone.CreateSession();
            Assert.True(((Tensor)reference.Run(input).Values.Single()).Bytes.SequenceEqual(actual.Bytes), part.ToString());
            Assert.Equal(alone.Plan(input).Steps.Select(s => s.Stem), model.Plan(input, part).Steps.Select(s => s.Stem));
            seen.Add(Convert.ToHexString(actual.Bytes));
        }
        Assert.True(seen.Count > 8, "choices change the result");
    }

    [Fact]
    public void Going_back_to_a_part_that_ran_takes_no_memory_and_gives_its_result_again()
    {
        using var model = Model.Create(ElasticNetwork.Create(1));
        using var session = model.CreateSession();
        SubNetwork?[] parts = [null, model.Select(width: 0.5), model.Select(depth: 0, kernel: 3), model.Select(width: new Dictionary<string, int> { ["body"] = 16 })];
        Tensor x = (Tensor)Inputs()["x"], y = Tensor.Allocate(DType.F32, new Shape(2, 10));
        session.Bind("x", x);
        session.Bind("y", y);
        var results = new List<byte[]>();
        foreach (var part in parts)
        {
            session.Use(part);
            session.Run();
            results.Add(y.Bytes.ToArray());
            session.Use(part);
            session.Run();
        }
        long arena = session.ArenaBytes, before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            session.Use(parts[i % parts.Length]);
            session.Run();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(arena, session.ArenaBytes);
        Assert.Equal(parts.Max(p => model.Plan(Inputs(), p).ArenaBytes), arena);
        for (int i = 0; i < parts.Length; i++)
        {
            session.Use(parts[i]);
            session.Run();
            Assert.True(results[i].AsSpan().SequenceEqual(y.Bytes));
        }
    }

    [Fact]
    public void Parts_read_the_packed_weights_of_the_whole()
    {
        using var model = Model.Create(ElasticNetwork.Create(1));
        foreach (double width in (double[])[1, 0.7, 0.5, 0.1]) model.Plan(Inputs(), model.Select(width: width));
        var layouts = model.PackedLayouts();
        Assert.DoesNotContain(layouts, p => p.Weight is Leading);
        string[] stems = [.. layouts.Select(p => p.Layout.Split(' ')[0]).Distinct()];
        Assert.Contains("gemm-f32", stems);
        if (GemmF32.Table.Tier != "scalar") Assert.Contains("conv-depthwise-blocked", stems);
        Assert.Contains("conv-winograd", stems);
        Assert.Contains("conv-blocked", stems);
        // One layout for a weight and a kernel, whatever the widths.
        Assert.All(layouts.GroupBy(p => (p.Weight, p.Layout.Split(' ')[0])), g => Assert.Single(g));
        long before = model.PackedBytes;
        var once = model.Select(width: 0.5, depth: 1);
        model.Plan(Inputs(), once);
        Assert.Equal(before, model.PackedBytes);
    }

    [Fact]
    public void A_choice_is_a_part_a_number_or_a_number_by_name()
    {
        using var model = Model.Create(ElasticNetwork.Create(1));
        var half = model.Select(width: 0.5, depth: 1, kernel: 6);
        Assert.Equal((16, 16, 16, 16, 16), (half.Width["stem"], half.Width["body"], half.Width["left"], half.Width["right"], half.Width["mix"]));
        Assert.Equal((1, 5), (half.Depth["body"], half.Kernel["stem"]));
        Assert.Same(half, model.Select(width: 0.5, depth: 1, kernel: 5));
        Assert.Equal(48, model.Select(width: 48).Width["body"]);
        Assert.Same(model.Definition.Graph, model.Select().Graph);
        using var session = model.CreateSession(new SessionOptions { SubNetwork = half });
        var first = (Tensor)session.Run(Inputs()).Values.Single();
        session.Use(null);
        Assert.False(((Tensor)session.Run(Inputs()).Values.Single()).Bytes.SequenceEqual(first.Bytes));

        Assert.Contains("width 'neck'", Assert.Throws<InputException>(() => model.Select(width: new Dictionary<string, int> { ["neck"] = 16 })).Message, StringComparison.Ordinal);
        Assert.Contains("one of 16, 48, 64", Assert.Throws<InputException>(() => model.Select(width: new Dictionary<string, int> { ["body"] = 24 })).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => model.Select(width: 1.5));
        Assert.Throws<InputException>(() => model.Select(depth: -1));
        using var other = Model.Create(ElasticNetwork.Create(2));
        Assert.Throws<InputException>(() => session.Use(other.Select(width: 0.5)));
        using var plain = Model.Create(new ModelDefinition(Networks.ResNet18(32)));
        Assert.Contains("no elastic depth", Assert.Throws<InputException>(() => plain.Select(depth: 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_description_survives_both_formats()
    {
        var source = ElasticNetwork.Create(1);
        using MemoryStream onnx = new(), engine = new();
        OnnxModelWriter.Write(source, onnx);
        EngineFileWriter.Write(source, engine);
        foreach (byte[] bytes in (byte[][])[onnx.ToArray(), engine.ToArray()])
        {
            using var model = Model.Load(bytes);
            Assert.Equal(source.Metadata[ElasticDimensions.Key], ElasticJson.Write(model.Elastic));
            Assert.Equal(1, model.Elastic.Widths[1].Losses![1]);
        }
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2", "version")]
    [InlineData("{\"version\"", "[{\"version\"", "JSON")]
    [InlineData("\"stem.w\",\"axis\":0", "\"stem.q\",\"axis\":0", "stem.q")]
    [InlineData("\"stem.w\",\"axis\":0", "\"stem.w\",\"axis\":4", "below 4")]
    [InlineData("\"stem.w\",\"axis\":0", "\"stem.w\",\"axis\":-1", "axis")]
    [InlineData("\"stem.w\",\"axis\":0", "\"stem.w\",\"axis\":1", "within the 3 entries")]
    [InlineData("\"per\":9", "\"per\":2147483647", "cuts[2]")]
    [InlineData("[16,32,48]", "[8,32,48]", "multiples of 16")]
    [InlineData("[16,32,48]", "[32,16,48]", "choices")]
    [InlineData("[16,32,48]", "[]", "empty")]
    [InlineData("[16,32,48]", "[16,32,64]", "64 channels within")]
    [InlineData("\"name\":\"left\"", "\"name\":\"stem\"", "stands twice")]
    [InlineData("\"name\":\"left\"", "\"name\":\"\"", "empty")]
    [InlineData("\"loss\":[2,1,0]", "\"loss\":[2,1]", "one for each of 3")]
    [InlineData("\"loss\":[2,1,0]", "\"loss\":[2,-1,0]", "0 or more")]
    [InlineData("[0,1,2]", "[0,1]", "the number of blocks")]
    [InlineData("\"output\":\"block0.relu\"", "\"output\":\"block9.relu\"", "block9.relu")]
    [InlineData("\"input\":\"widen.relu\"", "\"input\":\"block1.relu\"", "made before")]
    [InlineData("[3,5,7]", "[3,5,9]", "as the last")]
    [InlineData("[3,5,7]", "[4,5,7]", "even number")]
    [InlineData("\"from\":7,\"to\":5", "\"from\":7,\"to\":3", "next smaller")]
    [InlineData("\"matrix\":[", "\"matrix\":[0,", "25 × 25")]
    [InlineData("\"constant\":\"stem.w\",\"transforms\"", "\"constant\":\"stem.b\",\"transforms\"", "stem.b")]
    [InlineData("\"entry\":1", "\"entry\":2", "entry")]
    [InlineData("\"flat.shape\"", "\"head.b\"", "64-bit integers")]
    public void A_description_that_does_not_fit_is_refused_by_name(string from, string to, string expected)
    {
        var source = ElasticNetwork.Create(1);
        string text = source.Metadata[ElasticDimensions.Key];
        Assert.Contains(from, text, StringComparison.Ordinal);
        int at = text.IndexOf(from, StringComparison.Ordinal);
        var bad = new ModelDefinition(source.Graph) { Metadata = new Dictionary<string, string> { [ElasticDimensions.Key] = text[..at] + to + text[(at + from.Length)..] }, Source = "m.onnx" };
        string message = Assert.Throws<InvalidModelException>(() => Model.Create(bad)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(ElasticDimensions.Key, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cuts_that_overlap_and_channels_that_others_read_whole_are_errors_of_selection_or_planning()
    {
        var source = ElasticNetwork.Create(1);
        string text = source.Metadata[ElasticDimensions.Key];
        Model With(string from, string to)
        {
            var again = ElasticNetwork.Create(1);
            Assert.Contains(from, text, StringComparison.Ordinal);
            return Model.Create(new ModelDefinition(again.Graph) { Metadata = new Dictionary<string, string> { [ElasticDimensions.Key] = text.Replace(from, to, StringComparison.Ordinal) }, Opsets = again.Opsets });
        }
        using var overlapping = With(",\"offset\":32", ",\"offset\":16");
        Assert.Contains("entries of another cut", Assert.Throws<InvalidModelException>(() => overlapping.Select(width: 0.5)).Message, StringComparison.Ordinal);
        using var missing = With(",{\"constant\":\"left.w\",\"axis\":1}", "");
        var part = missing.Select(width: 0.5);
        Assert.Contains("left", Assert.Throws<OperatorException>(() => missing.Plan(Inputs(), part)).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, RuntimeValue> Inputs() => new() { ["x"] = Tensor.From(new Shape(2, 3, 12, 12), TestData.Floats(2 * 3 * 144, 7)) };

    private static Dictionary<string, int> Any(IReadOnlyList<ElasticDimension> dimensions, Random random) => dimensions.ToDictionary(d => d.Name, d => d.Choices[random.Next(d.Choices.Count)]);

    private static SubNetwork Select(Model m, Dictionary<string, int> width, Dictionary<string, int> depth, Dictionary<string, int> kernel) => m.Select(width, depth, kernel.Count == 0 ? null : ElasticChoice.Of(kernel));
}
