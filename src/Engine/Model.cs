using System.Diagnostics;
using Engine.Formats;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;
using Microsoft.Extensions.Logging;

namespace Engine;

/// <summary>
/// A loaded model: immutable, safe for concurrent use. Sessions run it, each for one caller at a time; plans and packed weights are shared.
/// </summary>
public sealed class Model : IDisposable
{
    private static ModelOptions Defaults { get; } = new();

    private readonly Program _program;
    private readonly WeightViews _views;
    private readonly SubNetworks _subNetworks;
    private readonly string _source;
    private readonly Lock _lifetime = new();
    private int _sessions;
    private bool _disposed;

    private Model(ModelDefinition definition, ModelOptions options, long started)
    {
        (Definition, Options) = (definition, options);
        _source = definition.Source ?? "memory";
        BindDimensions(definition.Graph, options.FreeDimensions);
        // Names of the interface before rewrites: a rewrite never replaces an output's wire.
        Inputs = [.. definition.Graph.Inputs.Select(v => new ValueInfo(v.Name, v.Declared))];
        Outputs = [.. definition.Graph.Outputs.Select(v => new ValueInfo(v.Name, v.Declared))];
        if (options.Verification == Verification.Full) RequireKernels(definition.Graph, options.Kernels);
        var constants = Constants(definition.Graph).Distinct().ToList();
        foreach (var v in constants) (Parameters, WeightBytes) = (Parameters + v.Constant!.Shape.Elements, WeightBytes + v.Constant.StoredBytes);
        Budget = new MemoryBudget(options.MaxMemory);
        Budget.Reserve(WeightBytes, "constants");
        // A few factors may stand for any number of elements, and whatever has no kernel for a form decodes it.
        foreach (var v in constants)
            if (v.Constant is not Dense) Budget.Check(DType.F32.ByteCount(v.Constant!.Shape.Elements), $"constant '{v.Name}', decoded,");
        // Before rewrites, which may rename or reshape what descriptions and adapters speak of.
        var elastic = new ElasticGraph(definition.Graph, ElasticJson.Read(definition.Metadata, definition.Source));
        WeightViews.Merge(definition.Graph, options.MergedAdapters);
        Rewrites = Rewriter.Run(definition.Graph, new RewriteContext(new NodeEvaluator(options.Kernels)), definition.IsRewritten ? 0 : options.OptimizationLevel);
        Packed = new PackedWeights(definition.Packed) { Reserve = Budget.Reserve };
        var plans = new PlanOptions { Level = options.OptimizationLevel, AllowInexact = options.AllowInexact, MaxPlans = options.MaxPlans, MaxMemory = options.MaxMemory };
        WeightViews Views(ModelGraph graph) => new(graph, views => new Program(graph, options.Kernels, Packed, plans, views));
        _views = Views(definition.Graph);
        _subNetworks = new SubNetworks(this, elastic, _views, Views);
        _program = _views.Of(options.Rank, []);
        double milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        EngineEvents.Log.ModelLoaded(_source, definition.Graph.Nodes.Count, WeightBytes, milliseconds);
        if (options.Logger is { } log) ModelLog.Loaded(log, _source, definition.Graph.Nodes.Count, WeightBytes, milliseconds, null);
    }

    /// <summary>What run-time values the model takes, in order.</summary>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <summary>What it gives, in order.</summary>
    public IReadOnlyList<ValueInfo> Outputs { get; }

    /// <summary>The graph after rewrites, and what the file says about itself.</summary>
    public ModelDefinition Definition { get; }

    /// <summary>What the rewrites at load did.</summary>
    public IReadOnlyList<RewriteReport> Rewrites { get; }

    /// <summary>The options it was loaded with.</summary>
    public ModelOptions Options { get; }

    /// <summary>Elements of all constants as the file stores them.</summary>
    public long Parameters { get; }

    /// <summary>Bytes of all constants as the file stores them.</summary>
    public long WeightBytes { get; }

    /// <summary>Bytes of weights held in kernel layouts besides.</summary>
    public long PackedBytes => Packed.Bytes;

    /// <summary>Bytes of weights in kernel layouts that are used as the file holds them.</summary>
    public long StoredPackedBytes => Packed.StoredBytes;

    /// <summary>Constants in the kernel layouts that plans have asked for so far, those that a file may hold.</summary>
    public IReadOnlyList<PackedWeight> PackedLayouts() => Packed.Layouts;

    /// <summary>Every form of a constant that plans have asked for so far; a part that reads the whole's names the whole's weight.</summary>
    public IReadOnlyList<PackedForm> PackedForms() => Packed.Forms;

    /// <summary>Bytes counted against <see cref="ModelOptions.MaxMemory"/> now.</summary>
    public long MemoryUsed => Budget.Used;

    internal MemoryBudget Budget { get; }

    internal PackedWeights Packed { get; }

    /// <summary>The program of a session. Throws <see cref="InputException"/> where its options do not fit the model.</summary>
    internal Program ProgramFor(SessionOptions options, SubNetwork? part) =>
        part is not null && part.Model != this ? throw new InputException("the sub-network is a part of another model")
        : (part?.Views ?? _views).Of(options.Rank ?? part?.Rank ?? Options.Rank, options.Adapters);

    /// <summary>What may be left out of the model, as its metadata says.</summary>
    public ElasticDimensions Elastic => _subNetworks.Dimensions;

    /// <summary>
    /// The part of the model that keeps so much of its widths, depths, windows and ranks, without a copy of weights where kernels can read a part of their layout. The same choice gives
    /// the same object. Throws <see cref="InputException"/> for a choice that the model does not offer, <see cref="UnsupportedException"/> for weights that cannot be cut.
    /// </summary>
    /// <param name="width">Channels a group, or a part of them; null for all.</param>
    /// <param name="depth">Blocks a stage; null for all.</param>
    /// <param name="kernel">Extent of the windows; null for the whole.</param>
    /// <param name="rank">Ranks of low-rank weights; null for what session and model say.</param>
    public SubNetwork Select(ElasticChoice? width = null, ElasticChoice? depth = null, ElasticChoice? kernel = null, RankLimit? rank = null) => _subNetworks.Of(width, depth, kernel, rank);

    /// <summary>Loads a file: an engine file or an ONNX model; the content tells which. Throws <see cref="InvalidModelException"/>, <see cref="UnsupportedException"/>, <see cref="OperatorException"/> or <see cref="MemoryLimitException"/>.</summary>
    public static Model Load(string path, ModelOptions? options = null) => Load(o => ModelFile.Load(path, o), options);

    /// <summary>Loads from a stream, read to its end; external data is looked for in <see cref="ModelOptions.ExternalDataFolder"/>.</summary>
    public static Model Load(Stream stream, ModelOptions? options = null) => Load(o => ModelFile.Load(stream, o), options);

    /// <summary>Loads from memory; external data is looked for in <see cref="ModelOptions.ExternalDataFolder"/>.</summary>
    public static Model Load(ReadOnlyMemory<byte> bytes, ModelOptions? options = null) => Load(o => ModelFile.Load(bytes, o), options);

    /// <summary>Takes a graph built in code.</summary>
    public static Model Create(ModelDefinition definition, ModelOptions? options = null) => new(definition, options ?? new(), Stopwatch.GetTimestamp());

    private static Model Load(Func<OnnxReadOptions, ModelDefinition> read, ModelOptions? options)
    {
        options ??= new();
        long started = Stopwatch.GetTimestamp();
        var definition = read(new OnnxReadOptions
        {
            Operators = options.Operators,
            MaxMemory = options.MaxMemory == Defaults.MaxMemory ? null : options.MaxMemory,
            MapFrom = options.CopyFiles ? long.MaxValue : new OnnxReadOptions().MapFrom,
            ExternalDataFolder = options.ExternalDataFolder,
            AllowLinkedExternalData = options.AllowLinkedExternalData,
            VerifyChecksums = options.Verification == Verification.Full,
        });
        return new Model(definition, options, started);
    }

    /// <summary>A new session. Throws <see cref="ObjectDisposedException"/> after <see cref="Dispose"/>, and <see cref="InputException"/> where adapters or ranks do not fit the model.</summary>
    public Session CreateSession(SessionOptions? options = null)
    {
        options ??= new();
        var program = ProgramFor(options, options.SubNetwork);
        lock (_lifetime)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _sessions++;
        }
        return new(this, program, options);
    }

    internal void SessionEnded()
    {
        lock (_lifetime)
        {
            if (--_sessions == 0 && _disposed) CloseFiles();
        }
    }

    /// <summary>The first plan for these inputs; their content counts only where shapes depend on it. See <see cref="Session.Plans"/> for all plans of a run.</summary>
    /// <param name="inputs">By name.</param>
    /// <param name="part">A part of the model, or null for the whole.</param>
    public Plan Plan(IReadOnlyDictionary<string, RuntimeValue> inputs, SubNetwork? part = null) =>
        (part is null ? _program : ProgramFor(new(), part)).Plan(Definition.Graph.Inputs.ToDictionary(v => v, v => inputs.TryGetValue(v.Name, out var t) ? t : throw new InputException($"input '{v.Name}' is missing", v.Name)));

    internal void Planned(Plan plan)
    {
        EngineEvents.Log.Planned(_source, plan.Steps.Count, plan.ArenaBytes);
        if (Options.Logger is { } log) ModelLog.Planned(log, _source, plan.Steps.Count, plan.ArenaBytes, null);
    }

    private static void BindDimensions(ModelGraph graph, IReadOnlyDictionary<string, long> free)
    {
        foreach (var (name, value) in free)
            if (value < 0) throw new InputException($"free dimension '{name}' is {value}, expected 0 or more");
        if (free.Count == 0) return;
        foreach (var v in graph.Inputs.Concat(graph.Outputs))
            if (v.Declared is DeclaredType.Tensor { Dims: { } d } t)
                v.Declared = t with { Dims = [.. d.Select(x => !x.IsKnown && x.Symbol is { } s && free.TryGetValue(s, out long n) ? new Dim(n) : x)] };
    }

    private static void RequireKernels(ModelGraph graph, KernelRegistry kernels)
    {
        foreach (var n in graph.Nodes)
        {
            if (!kernels.Runs(n.Op)) throw new UnsupportedException($"{n.Describe()}: no kernel for this operator");
            foreach (var g in n.Op.Subgraphs) RequireKernels(g, kernels);
        }
    }

    private static IEnumerable<Value> Constants(ModelGraph graph) => graph.Constants.Concat(graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(Constants));

    /// <summary>Lets no new session start. Files that constants are mapped from are closed when the last session is disposed.</summary>
    public void Dispose()
    {
        lock (_lifetime)
        {
            if (_disposed) return;
            _disposed = true;
            if (_sessions == 0) CloseFiles();
        }
    }

    private void CloseFiles()
    {
        foreach (var r in Definition.Resources) r.Dispose();
    }
}
