using System.Text.Json;
using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.Compression.CompressionJobs;

namespace Engine.Tests.Compression;

/// <summary>Parts of channels chosen group by group: what is counted is what is left, limits hold, and the error is no more than that of one part everywhere.</summary>
public sealed class AdaptivePruningTests
{
    // Every image by itself and mirrored: the models come with few.
    private static CalibrationData Images(string model)
    {
        var samples = new List<IReadOnlyDictionary<string, RuntimeValue>>();
        foreach (var s in Samples(model).Inputs)
            foreach (var (name, value) in s)
            {
                var batch = (Tensor)value;
                int size = (int)(batch.Shape.Elements / batch.Shape[0]), width = batch.Shape.Int(batch.Shape.Rank - 1);
                for (int i = 0; i < batch.Shape.Int(0); i++)
                    for (int mirrored = 0; mirrored < 2; mirrored++)
                    {
                        var one = Tensor.Allocate(DType.F32, batch.Shape.With(0, 1));
                        var to = one.Span<float>();
                        for (int p = 0; p < size; p++) to[p] = batch.Span<float>()[i * size + (mirrored == 0 ? p : p / width * width + width - 1 - p % width)];
                        samples.Add(new Dictionary<string, RuntimeValue> { [name] = one });
                    }
            }
        return new(samples, []);
    }

    private static long Multiplications(ModelGraph graph, CalibrationData data)
    {
        var types = WireTypes.Of(graph, data, CpuKernels.Standard, Workers.Single, default);
        return LayerScan.Of(graph).Where(l => l.IsProduct).Sum(l => types[l.Node.Outputs[0]!].Shape.Elements * l.Columns);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Costs_are_those_of_the_network_that_is_left(int seed)
    {
        var random = new Random(seed);
        var graph = PruningTests.Network(random, 8);
        var pruning = new ChannelPruning(new CompressionOptions(), graph, CalibrationData.None, CpuKernels.Standard, Workers.Single, default);
        var keeps = pruning.Groups.Select(g => new[] { 1, g.Sets.Length / 2, g.Sets.Length }).ToList();
        foreach (var kind in (BudgetKind[])[BudgetKind.Size, BudgetKind.Weights, BudgetKind.Multiplications])
        {
            var costs = ChannelCosts.Of(graph, pruning.Analysis, pruning.Types, pruning.Groups, [.. keeps.Select((of, g) => of.Select(k => pruning.Removed(g, k)).ToList())], kind);
            for (int i = 0; i < 27; i++)
            {
                int[] options = [i % 3, i / 3 % 3, i / 9];
                var left = pruning.Bare([.. options.Select((o, g) => keeps[g][o])]);
                // Layers of the whole network: few weights are none by themselves.
                var layers = LayerScan.Of(graph).Select(l => left.Nodes.Single(n => n.Name == l.Node.Name)).ToList();
                long Weights(Node n) => n.Inputs[1]!.Constant!.Shape.Elements;
                long expected = kind switch
                {
                    BudgetKind.Size => LayerScan.Constants(left).Sum(v => v.Constant!.StoredBytes),
                    BudgetKind.Weights => layers.Sum(Weights),
                    _ => layers.Sum(n => Weights(n) * (n.Op.Name == "Gemm" ? 1 : 36)),
                };
                Assert.Equal(expected, costs.Of(options));
            }
        }
    }

    [Theory]
    [InlineData("fashion-cnn", BudgetKind.Multiplications, 0.4)]
    [InlineData("fashion-mlp", BudgetKind.Weights, 0.3)]
    [InlineData("fashion-mlp", BudgetKind.Size, 150_000)]
    public void A_limit_holds_and_the_error_is_no_more_than_that_of_one_part_everywhere(string model, BudgetKind kind, double limit)
    {
        // Convolutions without vectors take long.
        if (model == "fashion-cnn" && GemmF32.Table.Tier == "scalar") return;
        var data = Images(model);
        var options = new CompressionOptions { Scheme = Scheme.Float, PruneWithin = new Budget(kind, limit) };
        var whole = Compress(model, new CompressionOptions { Scheme = Scheme.Float }, data);
        var r = Compress(model, options, data);
        double left = kind switch
        {
            BudgetKind.Size => r.BytesAfter,
            BudgetKind.Weights => LayerScan.Of(r.Model.Graph).Sum(l => (double)l.Weight.Shape.Elements) / LayerScan.Of(whole.Model.Graph).Sum(l => l.Weight.Shape.Elements),
            _ => (double)Multiplications(r.Model.Graph, data) / Multiplications(whole.Model.Graph, data),
        };
        Assert.InRange(left, 0.5 * limit, limit);
        double adaptive = r.Pruning!.Adaptive.Error.RelativeRmse, uniform = r.Pruning.Uniform!.Error.RelativeRmse;
        Assert.Equal(Math.Min(adaptive, uniform), r.Drop!.Error.RelativeRmse, 5);
        Assert.Equal(adaptive <= uniform, r.Pruning.IsAdaptive);
        // Losses of groups do not quite add up, so that one part everywhere may do better, by little.
        Assert.True(adaptive < (kind == BudgetKind.Size ? 1.1 : 1) * uniform, $"{adaptive} {uniform}");
        if (r.Pruning.IsAdaptive) Assert.True(r.Pruned.Select(g => g.After * 100 / g.Before).Distinct().Count() > 1);
        if (kind == BudgetKind.Weights) Assert.Equal(Bytes(r), Bytes(Compress(model, options, data)));
        using var record = JsonDocument.Parse(r.Model.Metadata[CompressionRecord.Key]);
        Assert.Equal(kind.ToString(), record.RootElement.GetProperty("prune_target").GetProperty("kind").GetString());
        Assert.Equal(r.Pruned.Select(g => g.After), record.RootElement.GetProperty("channels").EnumerateArray().Select(p => p.GetProperty("kept").GetInt32()));
    }

    [Fact]
    public void A_latency_holds_as_the_table_tells_it()
    {
        var data = Images("fashion-mlp");
        var graph = OnnxModelReader.Load(ModelPath("fashion-mlp")).Graph;
        var options = new CompressionOptions { PruneWithin = new Budget(BudgetKind.Latency, 100_000), Reconstruct = false };
        var pruning = new ChannelPruning(options, graph, data, CpuKernels.Standard, Workers.Single, default);
        IReadOnlyList<IReadOnlyList<RuntimeValue>> exact = [.. data.Inputs.Select(s => new Interpreter(CpuKernels.Standard).Run(graph, [s.Values.First()]))];
        // A nanosecond a byte.
        static long? Bytes(IReadOnlyList<int> keep, ModelGraph g) => LayerScan.Constants(g).Sum(v => v.Constant!.StoredBytes);
        var adaptive = new AdaptivePruning(pruning, graph, data, exact, options, CpuKernels.Standard, Workers.Single);
        var (left, keep, choice) = adaptive.Run(Bytes, default);
        Assert.InRange(Bytes(keep, left)!.Value, 50_000, 100_000);
        Assert.NotNull(choice.Uniform);
        Assert.Contains("latency table", Assert.Throws<InputException>(() => adaptive.Run(null, default)).Message, StringComparison.Ordinal);
        Assert.Contains("measure", Assert.Throws<InputException>(() => adaptive.Run((_, _) => null, default)).Message, StringComparison.Ordinal);
        Assert.Contains("an eighth", Assert.Throws<BudgetException>(() => adaptive.Run((_, _) => 200_000, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_chosen_is_said()
    {
        var options = new CompressionOptions { Scheme = Scheme.Float, PruneWithin = new Budget(BudgetKind.Weights, 0.5) };
        Assert.Contains("samples", Assert.Throws<InputException>(() => Compress("fashion-mlp", options, CalibrationData.None)).Message, StringComparison.Ordinal);
        Assert.Contains("limit", Assert.Throws<InputException>(() => Compress("fashion-mlp", options with { PruneWithin = new Budget(BudgetKind.Bits, 4) })).Message, StringComparison.Ordinal);
        Assert.Contains("weights", Assert.Throws<BudgetException>(() => Compress("fashion-mlp", options with { PruneWithin = new Budget(BudgetKind.Weights, 0.01) })).Message, StringComparison.Ordinal);
    }
}
