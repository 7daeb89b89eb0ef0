using System.Diagnostics;
using System.Globalization;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Latencies of the ways to run a layer of signs, from the table, measured before where they are wanted and lacking.</summary>
internal sealed class BinaryProbe(CompressionOptions options, IReadOnlyDictionary<Value, TensorType> types, Workers workers)
{
    private const int Rounds = 7, LeastRuns = 3;
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(8);

    /// <summary>The report with what the table says of the layer packed, by shared sums, and along <paramref name="tree"/>.</summary>
    public BinaryLayerReport Of(BinaryLayerReport report, Node node, Binary signs, BinaryTree? tree, CancellationToken cancellation)
    {
        if (!types.TryGetValue(node.Inputs[0]!, out var x) || SignExecutions.Shape((BinaryConv)node.Op, x.Shape, signs.Shape) is not { } shape) return report;
        LatencyKey Key(string form) => new($"{node.Op} {StepLatency.Attributes(node)}".TrimEnd(), $"{x} {signs.DType.Display()}{signs.Shape}", (report.ToBits ? "" : "f32 ") + form + (form == SignExecutions.Tree ? string.Create(CultureInfo.InvariantCulture, $" {tree!.Differences}") : ""), workers.Threads);
        var table = options.Latencies!;
        if (options.Measure)
        {
            var all = SignExecutions.Of(shape, signs, tree, report.ToBits, workers);
            if (all.Any(e => table.Find(Key(e.Form)) is null))
            {
                options.Progress($"measure {node.Name}");
                Measure(all, (e, ns) => table.Set(Key(e.Form), ns, e.Kernel), cancellation);
            }
        }
        return report with { PackedNanoseconds = table.Find(Key(SignExecutions.Packed)), SharedNanoseconds = table.Find(Key(SignExecutions.Shared)), TreeNanoseconds = tree is null ? null : table.Find(Key(SignExecutions.Tree)) };
    }

    // In turn, the first of the rounds to warm up.
    private static void Measure(IReadOnlyList<SignExecution> all, Action<SignExecution, long> found, CancellationToken cancellation)
    {
        var times = all.Select(_ => new List<long>()).ToList();
        for (int round = 0; round <= Rounds; round++)
            for (int i = 0; i < all.Count; i++)
            {
                var watch = Stopwatch.StartNew();
                for (int run = 0; run < LeastRuns || watch.Elapsed < s_turn; run++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    long started = Stopwatch.GetTimestamp();
                    all[i].Run();
                    if (round > 0) times[i].Add((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
                }
            }
        for (int i = 0; i < all.Count; i++)
        {
            times[i].Sort();
            found(all[i], times[i][times[i].Count / 2]);
        }
    }
}
