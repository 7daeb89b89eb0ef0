using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Latency of a whole model with its layers in one choice of schemes, run on one sample; kept in the table beside those of the layers.</summary>
internal sealed class ModelLatency(string job, IReadOnlyDictionary<string, RuntimeValue> inputs, CompressionOptions options, KernelRegistry kernels, Workers workers)
{
    private const int LeastRuns = 9;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(500), s_timed = TimeSpan.FromMilliseconds(300);

    /// <summary>Median nanoseconds of a run with layers in the schemes chosen; null where the table has none and nothing is measured.</summary>
    public long? Of(IReadOnlyDictionary<Layer, LayerResult> chosen, Func<ModelDefinition> build, CancellationToken cancellation) =>
        Of(string.Join('\n', chosen.Select(c => $"{c.Key.Name} {c.Value.Scheme}").Order(StringComparer.Ordinal)), build, cancellation);

    /// <summary>Median nanoseconds of a run of the model that <paramref name="form"/> describes.</summary>
    public long? Of(string form, Func<ModelDefinition> build, CancellationToken cancellation)
    {
        var key = Key(form);
        if (options.Latencies!.Find(key) is null && options.Measure)
        {
            options.Progress("measure the model");
            options.Latencies.Set(key, Measure(build(), cancellation), "plan");
        }
        return options.Latencies.Find(key);
    }

    private LatencyKey Key(string form)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{job}\n{options.DynamicActivations}\n{form}")));
        return new("Model", string.Join(' ', inputs.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key}:{p.Value}"))), hash[..16], workers.Threads);
    }

    // Through a file: rewrites change a graph in place, and this one shares wires and nodes with the source.
    private long Measure(ModelDefinition model, CancellationToken cancellation)
    {
        string file = Path.Combine(Path.GetTempPath(), $"engine-{Path.GetRandomFileName()}.engine");
        try
        {
            EngineFileWriter.Write(model, file);
            var loaded = EngineFileReader.Load(file);
            try
            {
                return Time(loaded.Graph, cancellation);
            }
            finally
            {
                foreach (var r in loaded.Resources) r.Dispose();
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private long Time(ModelGraph graph, CancellationToken cancellation)
    {
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(kernels, workers)), 2);
        var executor = new Executor(new Program(graph, kernels, new PackedWeights(), new PlanOptions()), workers);
        RuntimeValue[] given = [.. graph.Inputs.Select(v => inputs[v.Name])];
        var outputs = new RuntimeValue?[graph.Outputs.Count];
        var watch = Stopwatch.StartNew();
        do executor.Run(given, outputs, cancellation);
        while (watch.Elapsed < s_warmUp);
        return QuietWindows.Least(workers.Threads, () =>
        {
            var times = new List<long>();
            for (watch.Restart(); times.Count < LeastRuns || watch.Elapsed < s_timed;)
            {
                long started = Stopwatch.GetTimestamp();
                executor.Run(given, outputs, cancellation);
                times.Add((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
            }
            times.Sort();
            return (times[times.Count / 2], times[times.Count / 2]);
        });
    }
}
