using System.Diagnostics;
using System.Globalization;
using Engine.Cli;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>One model on inputs of one shape with one number of threads.</summary>
internal sealed class BenchCase(EngineModel model, BenchSettings settings, int threads, IReadOnlyDictionary<string, RuntimeValue> inputs)
{
    // Enough to tell a leak of a byte a run from what the loop around it allocates once.
    private const int AllocationRuns = 16;

    // The JIT replaces its first code after 30 calls and a tenth of a second without new code.
    private static readonly TimeSpan ShortestWarmup = TimeSpan.FromSeconds(0.5);

    private readonly RuntimeValue[] _inputs = [.. model.Inputs.Select(i => inputs[i.Name])];

    /// <summary>Name of the model: of its file, or of the folder of a file called model.onnx.</summary>
    public string Name { get; } = Path.GetFileName(model.Path) == "model.onnx" ? Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(model.Path)))! : Path.GetFileNameWithoutExtension(model.Path);

    /// <summary>Model, threads and batch.</summary>
    public string Title => $"{Name}, {threads} {(threads == 1 ? "thread" : "threads")}, batch {Batch}";

    public int Threads => threads;

    public EngineModel Model => model;

    /// <summary>First dimension of the first input.</summary>
    public long Batch { get; } = model.Inputs.Count > 0 && inputs[model.Inputs[0].Name] is Tensor { Shape: { Rank: > 0 } s } ? s[0] : 1;

    public Samples Times { get; private set; } = new([]);

    /// <summary>Runs before the clock started.</summary>
    public int WarmupRuns { get; private set; }

    public double AllocatedBytes { get; private set; }

    /// <summary>Constants, packed weights and arena.</summary>
    public long PeakBytes { get; private set; }

    public IReadOnlyList<StepTiming> Steps { get; private set; } = [];

    /// <summary>One entry a peer asked for.</summary>
    public List<PeerComparison> Peers { get; } = [];

    /// <summary>Processors that the threads are bound to; empty for none.</summary>
    public IReadOnlyList<int> Processors { get; } = settings.Processors(threads);

    /// <summary>Why the planned result is wrong, or null.</summary>
    public string? Check(CancellationToken cancellation)
    {
        var expected = model.RunReference(inputs, null, cancellation);
        using var session = Session(profile: false);
        var outputs = new RuntimeValue?[model.Outputs.Count];
        session.Run(_inputs, outputs, cancellation);
        for (int i = 0; i < outputs.Length; i++)
            if (Difference(i, expected[i], outputs[i]!) is { } why) return why;
        return null;
    }

    private string? Difference(int output, RuntimeValue expected, RuntimeValue actual) =>
        ValueComparer.Compare(expected, actual, settings.Rtol, settings.Atol + settings.Rtol * Largest(expected)) is { } why ? $"output '{model.Outputs[output].Name}': {why}" : null;

    // Rounding errors of a long sum are as large for small results as for large ones: they are judged against the largest.
    private static double Largest(RuntimeValue value)
    {
        double largest = 0;
        if (value is Tensor { DType: DType.F32 } t)
            foreach (float v in t.Span<float>())
                if (float.IsFinite(v)) largest = Math.Max(largest, Math.Abs(v));
        return largest;
    }

    public void Measure(CancellationToken cancellation)
    {
        using var session = Session(profile: false);
        // The first run makes the output buffers that all later runs write.
        var outputs = new RuntimeValue?[model.Outputs.Count];
        WarmupRuns = Warm(() => session.Run(_inputs, outputs, cancellation));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < AllocationRuns; i++) session.Run(_inputs, outputs, cancellation);
        AllocatedBytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)AllocationRuns;
        Times = new(Time(() => session.Run(_inputs, outputs, cancellation)));
        PeakBytes = model.Model.MemoryUsed;
    }

    /// <summary>Runs the model in ONNX Runtime too, in turn with ours; why its result differs from ours, or null where both were timed.</summary>
    public string? MeasureOnnxRuntime(CancellationToken cancellation)
    {
        using var peer = new OnnxRuntimePeer(model.Path, inputs, threads, Processors);
        using var session = Session(profile: false);
        var outputs = new RuntimeValue?[model.Outputs.Count];
        session.Run(_inputs, outputs, cancellation);
        for (int i = 0; i < outputs.Length; i++)
            if (Difference(i, peer.Output(model.Outputs[i].Name), outputs[i]!) is { } why) return why;
        Peers.Add(PeerComparison.Measure(PeerNames.OnnxRuntime, OnnxRuntimePeer.Version, () => session.Run(_inputs, outputs, cancellation), peer.Run, settings, cancellation));
        return null;
    }

    /// <summary>A run of its own: taking the time of every step lengthens the whole.</summary>
    public void MeasureSteps(CancellationToken cancellation)
    {
        using var session = Session(profile: true);
        var outputs = new RuntimeValue?[model.Outputs.Count];
        Warm(() => session.Run(_inputs, outputs, cancellation));
        session.ResetTimings();
        Time(() => session.Run(_inputs, outputs, cancellation));
        Steps = session.Timings;
    }

    /// <summary>One run in a trace, after one that warms up.</summary>
    public void TraceOnce(Trace trace, CancellationToken cancellation)
    {
        using var session = Session(profile: false, trace.Begin(Title));
        var outputs = new RuntimeValue?[model.Outputs.Count];
        Warm(() => session.Run(_inputs, outputs, cancellation));
        trace.Restart();
        session.Run(_inputs, outputs, cancellation);
    }

    /// <summary>The first step of a plan that writes a NaN or an infinity, or the output that has one, and the node of the stored model that is the first to make one, in words; null where there is none.</summary>
    public string? FirstNotFinite(CancellationToken cancellation)
    {
        var check = new FiniteCheck();
        using var session = Session(profile: false, check.Observe);
        var outputs = new RuntimeValue?[model.Outputs.Count];
        session.Run(_inputs, outputs, cancellation);
        string? found = check.Found;
        for (int i = 0; found is null && i < outputs.Length; i++)
            if (FiniteCheck.First(outputs[i]) is { } bad)
                found = string.Create(CultureInfo.InvariantCulture, $"output '{model.Outputs[i].Name}' holds {bad.Value} at element {bad.At}, which no step of a plan wrote");
        return found is null ? null : found + FirstNodeNotFinite(cancellation);
    }

    // A step may hold several nodes, and some nodes run outside of plans: run one by one, as the file has them, each is seen.
    private string FirstNodeNotFinite(CancellationToken cancellation)
    {
        Value? first = null;
        model.RunReference(inputs, (v, x) => first ??= FiniteCheck.First(x) is null ? null : v, cancellation);
        return first is null ? "" : $"; node by node the first is {Producer(model.AsStored.Graph, first)?.Describe() ?? $"wire '{first.Name}'"}";
    }

    private static Node? Producer(ModelGraph graph, Value wire) =>
        graph.Nodes.Find(n => n.Outputs.Contains(wire)) ?? graph.Nodes.SelectMany(n => n.Op.Subgraphs).Select(g => Producer(g, wire)).FirstOrDefault(n => n is not null);

    private Session Session(bool profile, StepObserver? observe = null) => model.Model.CreateSession(new SessionOptions { Threads = threads, Profile = profile, Observe = observe, SpinMicroseconds = settings.SpinMicroseconds, Affinity = Processors });

    private int Warm(Action run)
    {
        long started = Stopwatch.GetTimestamp();
        int runs = 0;
        do
        {
            run();
            runs++;
        }
        while (runs < settings.Warmup || settings.Warmup > 0 && Stopwatch.GetElapsedTime(started) < ShortestWarmup);
        return runs;
    }

    private List<long> Time(Action run)
    {
        var samples = new List<long>(settings.Runs);
        long started = Stopwatch.GetTimestamp();
        while (samples.Count < settings.Runs || Stopwatch.GetElapsedTime(started) < settings.MinTime)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            samples.Add((long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }
        return samples;
    }
}
