using System.Security.Cryptography;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Compresses a model: folds what can be folded, calibrates on samples, rounds every layer in the schemes that come into question, chooses, and makes the new
/// graph. The same model, samples, options and latency table give the same result.
/// </summary>
public sealed class Compressor
{
    private readonly ModelDefinition _model;
    private readonly CompressionOptions _options;
    private readonly CalibrationData _data;
    private readonly KernelRegistry _kernels;
    private readonly Workers _workers;
    private readonly string _sourceSha256;

    // What an earlier pass made this pass's model of.
    private (CompressionResult Result, IReadOnlyList<IReadOnlyList<RuntimeValue>> Outputs)? _first;
    private IReadOnlyList<IReadOnlyList<RuntimeValue>> _exact = [];
    private IReadOnlyList<BinaryLayerReport> _signs = [];

    /// <summary>Prepares the job. <paramref name="model"/> is folded in place: it is the compressor's from here on.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="sourceSha256">Hash of the file it came from, for provenance.</param>
    /// <param name="options">How to compress.</param>
    /// <param name="data">Samples for calibration.</param>
    /// <param name="kernels">What computes nodes.</param>
    /// <param name="workers">Threads.</param>
    public Compressor(ModelDefinition model, string sourceSha256, CompressionOptions options, CalibrationData data, KernelRegistry kernels, Workers workers) =>
        (_model, _sourceSha256, _options, _data, _kernels, _workers) = (model, sourceSha256, options, data, kernels, workers);

    /// <summary>Compresses. Throws <see cref="InputException"/> where options and samples do not fit, or a budget or drop cannot be met (<see cref="BudgetException"/>).</summary>
    public CompressionResult Run(CancellationToken cancellation = default)
    {
        if (!_options.CodesFactors) return Pass(cancellation);
        var first = new Compressor(_model, _sourceSha256, _options.FirstPass, _data, _kernels, _workers);
        var factored = first.Pass(cancellation);
        var result = new Compressor(factored.Model, _sourceSha256, _options.SecondPass, _data, _kernels, _workers) { _first = (factored, first._exact) }.Pass(cancellation);
        return result with
        {
            Factored = factored,
            Pruned = factored.Pruned,
            Pruning = factored.Pruning,
            Binary = factored.Binary,
            BytesBefore = factored.BytesBefore,
            Finish = () =>
            {
                factored.Finish();
                result.Finish();
            },
        };
    }

    private CompressionResult Pass(CancellationToken cancellation)
    {
        var context = new RewriteContext(new NodeEvaluator(_kernels, _workers));
        foreach (var pass in (Rewrite[])[new ConstantFolding(), new RemoveIdentities(), new FoldPad()]) pass.Apply(_model.Graph, context);
        // Before batch normalizations are folded, which stand between sums and signs.
        long? withSigns = _options.Binary ? Bytes(_model.Graph) : null;
        if (_options.Binary) _exact = Outputs(_model.Graph, cancellation);
        var binary = _options.Binary ? BinaryLayers.Find(_model.Graph, context) : null;
        new FoldBatchNorm().Apply(_model.Graph, context);
        var graph = _model.Graph;
        long bytesBefore = withSigns ?? Bytes(graph);
        IReadOnlyList<PrunedChannels> pruned = [];
        PruningChoice? parts = null;
        bool prunes = (_options.Prune > 0 || _options.PruneWithin is not null) && _first is null;
        if (prunes && binary is not null) throw new InputException("channels of layers of signs are not removed: either prune, or store them as bits");
        if (prunes)
        {
            _exact = Outputs(graph, cancellation);
            (graph, pruned, parts) = Prune(graph, cancellation);
        }
        var layers = LayerScan.Of(graph);
        var choice = new SchemeChoice(layers, _options);
        if (choice.NeedsSamples && _data.Inputs.Count == 0) throw new InputException("static int8 needs calibration samples: give a folder of inputs");
        var calibration = _data.Inputs.Count == 0 ? null : Calibrate(graph, layers, choice, cancellation);
        if (binary is not null) _signs = binary.Store(_options, calibration?.Types, _workers, cancellation);
        if (!prunes && binary is null) _exact = _first?.Outputs ?? calibration?.Outputs ?? [];
        var probe = _options.Latencies is null || calibration is null ? null : new LatencyProbe(_kernels, _workers, calibration.Types, _options);
        var folder = new WorkFolder(_options.WorkFolder, Job(), _options.Resume);
        var compressor = new LayerCompressor(_options, calibration, _workers.With(cancellation));
        var results = new Dictionary<Layer, IReadOnlyList<LayerResult>>();
        foreach (var l in layers)
            results[l] = [.. choice.Of(l).Select(s =>
            {
                cancellation.ThrowIfCancellationRequested();
                _options.Progress($"{l.Name} {s}");
                return s.IsFloat ? LayerResult.Float(l) : folder.Get(l, s, () => compressor.Compress(l, s));
            })];

        if (_options.Measure && probe is not null)
            foreach (var l in layers)
            {
                _options.Progress($"measure {l.Name}");
                probe.Fill(_options.Latencies!, l, results[l].Concat([LayerResult.Of(Scheme.W8), LayerResult.Float(l)]), cancellation);
            }

        long others = LayerScan.Constants(graph).Except(layers.Select(l => l.Node.Inputs[l.Input]!)).Sum(v => v.Constant!.StoredBytes);
        ModelGraph Build(IReadOnlyDictionary<Layer, LayerResult> chosen) => CompressedGraph.Of(graph, chosen, compressor.Grid, _options);
        ModelDefinition Model(IReadOnlyDictionary<Layer, LayerResult> chosen) => Definition(Build(chosen), null);
        var whole = probe is null ? null : new ModelLatency(Job(), _data.Inputs[0], _options, _kernels, _workers);
        long? Time(IReadOnlyDictionary<Layer, LayerResult> chosen) => whole?.Of(chosen, () => Model(chosen), cancellation);
        var solver = new Assignment(layers, results, choice, _options, probe, whole is null ? null : Time, others, l => calibration?.Types.GetValueOrDefault(l.Node.Outputs[0]!));
        DropReport? Judge(IReadOnlyDictionary<Layer, LayerResult> chosen) => calibration is null ? null : Drop.Measure(Build(chosen), _data, _exact, _kernels, _workers, _options.Progress, cancellation);
        var (final, drop) = solver.Solve(Judge, cancellation);
        var reports = layers.Select(l => solver.Report(l, final)).ToList();
        // Before the record, which holds the table's hash.
        var latency = whole is null ? null : new ModelTimes(Time(layers.ToDictionary(l => l, LayerResult.Float)), Time(final.Results));
        var smaller = Build(final.Results);
        var (metadata, lost) = ElasticDescription.Of(_model.Metadata, graph, smaller, _options.SparseForms);
        var compressed = Definition(smaller, CompressionRecord.Json(_sourceSha256, DataHash(), _options, reports, _first?.Result.Layers ?? [], _first?.Result.Pruned ?? pruned, _first?.Result.Binary ?? _signs, drop), metadata);
        return new(compressed, reports, drop, others, folder.Reused) { Finish = folder.Remove, Binary = _signs, CalibrationSha256 = DataHash(), Pruned = pruned, Pruning = parts, Latency = latency, BytesBefore = bytesBefore, InSubgraphs = LayerScan.InSubgraphs(graph), Inelastic = [.. _first?.Result.Inelastic ?? [], .. lost] };
    }

    private (ModelGraph, IReadOnlyList<PrunedChannels>, PruningChoice?) Prune(ModelGraph graph, CancellationToken cancellation)
    {
        var pruning = new ChannelPruning(_options, graph, _data, _kernels, _workers, cancellation);
        if (_options.PruneWithin is null)
        {
            int[] keep = pruning.Keep(_options.Prune);
            return (pruning.Run(keep, cancellation), pruning.Report(keep), null);
        }
        var whole = _options.Latencies is null || _data.Inputs.Count == 0 ? null : new ModelLatency(Job(), _data.Inputs[0], _options, _kernels, _workers);
        var (smaller, left, choice) = new AdaptivePruning(pruning, graph, _data, _exact, _options, _kernels, _workers)
            .Run(whole is null ? null : (keep, g) => whole.Of($"channels {string.Join(' ', keep)}", () => Definition(g, null), cancellation), cancellation);
        return (smaller, pruning.Report(left), choice);
    }

    private static long Bytes(ModelGraph graph) => LayerScan.Constants(graph).Sum(v => v.Constant!.StoredBytes);

    private ModelDefinition Definition(ModelGraph graph, string? record, IReadOnlyDictionary<string, string>? metadata = null) => new(graph)
    {
        Source = _model.Source,
        Opsets = _model.Opsets,
        Metadata = record is null ? _model.Metadata : new Dictionary<string, string>(metadata ?? _model.Metadata) { [CompressionRecord.Key] = record },
        Resources = _model.Resources,
    };

    private Calibration Calibrate(ModelGraph graph, IReadOnlyList<Layer> layers, SchemeChoice choice, CancellationToken cancellation)
    {
        var statics = layers.Where(l => choice.Of(l).Any(s => s.IsStatic)).Select(l => l.Node).ToHashSet();
        var wires = new QdqWires(graph, statics).Wires.Concat(statics.Select(n => n.Inputs[0]!)).ToHashSet();
        return Calibration.Collect(graph, _data.Inputs, layers, wires, _options.Range != RangeMethod.MinMax, _options.Seed, _kernels, _workers, _options.Progress, cancellation);
    }

    private List<IReadOnlyList<RuntimeValue>> Outputs(ModelGraph graph, CancellationToken cancellation) =>
        [.. _data.Inputs.Select(s => new Interpreter(_kernels, _workers).Run(graph, graph.Inputs.ConvertAll(v => s.TryGetValue(v.Name, out var t) ? t : throw new InputException($"the samples have no input '{v.Name}'", v.Name)), cancellation))];

    /// <summary>What results of layers depend on: factors that a first pass made among it.</summary>
    private string Job() => string.Join('\n', _sourceSha256, DataHash(), _options.Method, _options.FactorMethod, _options.Gptq, _options.Range, _options.Percentile, _options.SignedActivations, _options.BiasCorrection, _options.Seed, _options.Prune, _options.PruneWithin, _options.Reconstruct, _options.SparseForms,
        string.Join(',', _first?.Result.Layers.Select(l => $"{l.Name} {l.Scheme}") ?? []), string.Join(',', (_first?.Result.Binary ?? _signs).Select(l => $"{l.Name} {l.IsTree}")));

    private string DataHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var sample in _data.Inputs)
            foreach (var (name, value) in sample.OrderBy(p => p.Key, StringComparer.Ordinal))
            {
                hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{name} {value}\n"));
                if (value is Tensor { DType: not DType.String } t) hash.AppendData(t.Bytes);
            }
        foreach (int label in _data.Labels) hash.AppendData(BitConverter.GetBytes(label));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
