using System.Diagnostics;
using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>What an executor may use and what it measures.</summary>
public sealed record ExecutorOptions
{
    /// <summary>Fills dead memory with noise between steps: a step that reads what is not its own then fails a comparison.</summary>
    public bool Poison { get; init; }

    /// <summary>Times every step.</summary>
    public bool Profile { get; init; }

    /// <summary>Called after every step; null for none. Nodes that run on values are no steps.</summary>
    public StepObserver? Observe { get; init; }

    /// <summary>Called with the bytes of an arena before it is allocated; throws to refuse.</summary>
    public Action<long, string>? Reserve { get; init; }

    /// <summary>Called with the bytes of a value made outside the arena before it is allocated; throws to refuse.</summary>
    public Action<long, string>? Check { get; init; }

    /// <summary>Called with each plan when it is first used.</summary>
    public Action<Plan>? Planned { get; init; }
}

/// <summary>Time spent in one step.</summary>
/// <param name="Step">The step.</param>
/// <param name="Index">Position in the order of first execution.</param>
public sealed record StepTiming(PlanStep Step, int Index)
{
    /// <summary>Every measured duration in nanoseconds.</summary>
    public List<long> Nanoseconds { get; } = [];
}

/// <summary>Runs a program: a loop over the steps of its plans. For one caller at a time; sessions own one each.</summary>
public sealed class Executor
{
    private readonly Dictionary<Program, (Plan? Plan, nint[] Table)> _programs = [];
    private Program _program;
    private readonly ExecutorOptions _options;
    private readonly int _depth;
    private readonly Arenas _arenas;
    private readonly SidePool _side;
    private readonly Executor? _parent;
    private readonly Dictionary<Value, RuntimeValue> _frame = [];
    private readonly Dictionary<Program, Executor> _children = [];
    private readonly Dictionary<Plan, nint[]> _tables = [];
    private readonly Dictionary<PlanStep, StepTiming> _timings;
    private readonly NodeEvaluator _evaluator;
    private Workers _workers;
    private Plan? _lastPlan;
    private nint[] _lastTable = [];

    /// <summary>Creates an executor with memory of its own.</summary>
    public Executor(Program program, Workers workers, ExecutorOptions? options = null) : this(program, workers, options ?? new(), 0, null, []) { }

    private Executor(Program program, Workers workers, ExecutorOptions options, int depth, Executor? parent, Dictionary<PlanStep, StepTiming> timings)
    {
        if (depth > Interpreter.MaxDepth) throw new UnsupportedException($"subgraphs are nested deeper than {Interpreter.MaxDepth}");
        (_program, _workers, _options, _depth, _parent, _timings) = (program, workers, options, depth, parent, timings);
        (_arenas, _side) = parent is null ? (new Arenas(), new SidePool()) : (parent._arenas, parent._side);
        _evaluator = new NodeEvaluator(program.Kernels, workers);
    }

    /// <summary>Time a step since the last reset, in order of first execution.</summary>
    public IReadOnlyList<StepTiming> Timings => [.. _timings.Values.OrderBy(t => t.Index)];

    /// <summary>Bytes of arenas held.</summary>
    public long ArenaBytes => _arenas.Bytes;

    /// <summary>Forgets the times measured so far.</summary>
    public void ResetTimings() => _timings.Clear();

    /// <summary>
    /// Changes the program that runs from now on: one of the same inputs and outputs, kernels and packed weights. Arenas and workers stay, and so do the plans of the
    /// programs that ran before: going back to one takes no memory.
    /// </summary>
    public void Use(Program program)
    {
        if (program == _program) return;
        _programs[_program] = (_lastPlan, _lastTable);
        // Every program has its entry from here on, so that no later change makes one.
        if (!_programs.TryGetValue(program, out var known)) _programs[program] = known = (null, []);
        (_lastPlan, _lastTable) = known;
        _program = program;
    }

    /// <summary>
    /// Runs on inputs in the graph's order. Outputs given as tensors of the right type are written in place; for the others new tensors
    /// are made. Nothing is allocated when the graph is one static segment, its outputs are given, its types were seen before, and the
    /// cancellation is that of the run before.
    /// </summary>
    public void Run(ReadOnlySpan<RuntimeValue> inputs, Span<RuntimeValue?> outputs, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        _workers = _workers.With(cancellation);
        if (_lastPlan is { } last && Matches(last, inputs) && OutputsFit(last, outputs))
        {
            RunStatic(last, inputs, outputs, cancellation);
            return;
        }
        _frame.Clear();
        for (int i = 0; i < inputs.Length; i++) _frame[_program.Graph.Inputs[i]] = inputs[i];
        if (_parent is null) _side.Abandon();
        RunSegments(outputs, cancellation);
        _frame.Clear();
        if (_parent is null) _side.Reclaim(outputs);
    }

    // The fast path: the whole graph is one plan whose live wires are exactly the inputs, in order.
    private bool Matches(Plan plan, ReadOnlySpan<RuntimeValue> inputs)
    {
        var graphInputs = _program.Graph.Inputs;
        for (int i = 0; i < plan.Live.Count; i++)
        {
            int at = graphInputs.IndexOf(plan.Live[i]);
            if (at < 0 || inputs[at] is not Tensor t || !plan.Key.Matches(i, t.DType, t.Shape)) return false;
            if (plan.Key.Content(i) is { } pinned && !pinned.AsSpan().SequenceEqual(t.Bytes)) return false;
        }
        return true;
    }

    private bool OutputsFit(Plan plan, Span<RuntimeValue?> outputs)
    {
        if (plan.Outputs.Count != outputs.Length) return false;
        for (int i = 0; i < outputs.Length; i++)
            if (outputs[i] is not Tensor t || t.DType != plan.Outputs[i].Type.DType || t.Shape != plan.Outputs[i].Type.Shape || plan.Outputs[i].Wire != _program.Graph.Outputs[i]) return false;
        return true;
    }

    private unsafe void RunStatic(Plan plan, ReadOnlySpan<RuntimeValue> inputs, Span<RuntimeValue?> outputs, CancellationToken cancellation)
    {
        var table = _lastTable;
        table[0] = _arenas.Pointer(_depth, plan.ArenaBytes, _options.Reserve);
        for (int i = 0; i < plan.Live.Count; i++) table[plan.FirstInputSlot + i] = (nint)((Tensor)inputs[_program.Graph.Inputs.IndexOf(plan.Live[i])]).Pointer;
        for (int i = 0; i < outputs.Length; i++) table[plan.FirstOutputSlot + i] = (nint)((Tensor)outputs[i]!).Pointer;
        Steps(plan, table, cancellation);
        for (int i = 0; i < inputs.Length; i++) GC.KeepAlive(inputs[i]);
        for (int i = 0; i < outputs.Length; i++) GC.KeepAlive(outputs[i]);
    }

    private void RunSegments(Span<RuntimeValue?> outputs, CancellationToken cancellation)
    {
        var source = _program.Source;
        bool single = true;
        while (true)
        {
            var live = new RuntimeValue[source.Live.Count];
            for (int i = 0; i < live.Length; i++) live[i] = Find(source.Live[i]);
            var plan = source.Get(live, _program.Builder, _workers);
            bool final = plan.Next is null;
            var table = Table(plan);
            RunSegment(plan, table, live, final ? outputs : default, cancellation);
            (_lastPlan, _lastTable) = single && final && plan.KnownOutputs.Count == 0 ? (plan, table) : (null, []);
            if (final)
            {
                for (int i = 0; i < outputs.Length; i++) outputs[i] = Deliver(Resolve(_program.Graph.Outputs[i], plan.Aliases), outputs[i]);
                return;
            }
            single = false;
            if (plan.Tail is { } tail) RunTail(tail, plan, cancellation);
            source = plan.Next!;
        }
    }

    private static Value Resolve(Value v, IReadOnlyDictionary<Value, Value> aliases)
    {
        while (aliases.TryGetValue(v, out var a)) v = a;
        return v;
    }

    private RuntimeValue Find(Value v)
    {
        if (v.Constant is { } w) return _program.Packed.Dense(w);
        for (var e = this; e is not null; e = e._parent)
            if (e._frame.TryGetValue(v, out var t)) return t;
        throw new InvalidModelException($"wire '{v.Name}' is read before it is computed");
    }

    // A result that is a constant, an input or a captured value is copied: the caller owns what it gets.
    private RuntimeValue Deliver(Value v, RuntimeValue? given)
    {
        var value = Find(v);
        if (given is not Tensor target || ReferenceEquals(given, value)) return _parent is null && (value is TensorSequence || v.Constant is not null || _program.Graph.Inputs.Contains(v)) ? Copy(value) : value;
        if (value is not Tensor from) throw new InputException($"output '{v.Name}' is no tensor", v.Name);
        if (from.DType != target.DType || from.Shape != target.Shape) throw new InputException($"output '{v.Name}' is {from}, the buffer given is {target}", v.Name);
        if (from.DType == DType.String) from.Strings.CopyTo(target.Strings, 0);
        else from.Bytes.CopyTo(target.Bytes);
        return target;
    }

    private static RuntimeValue Copy(RuntimeValue value) => value switch
    {
        Tensor t => t.Clone(),
        TensorSequence s => new TensorSequence([.. s.Items.Select(Copy)], s.ElementType),
        _ => value,
    };

    private unsafe void RunSegment(Plan plan, nint[] table, RuntimeValue[] live, Span<RuntimeValue?> given, CancellationToken cancellation)
    {
        table[0] = _arenas.Pointer(_depth, plan.ArenaBytes, _options.Reserve);
        for (int i = 0; i < live.Length; i++) table[plan.FirstInputSlot + i] = live[i] is Tensor { DType: not DType.String } t ? (nint)t.Pointer : 0;
        var results = new Tensor[plan.Outputs.Count];
        for (int i = 0; i < results.Length; i++)
        {
            var o = plan.Outputs[i];
            results[i] = GivenFor(o, plan, given) ?? Allocate(o.Type.DType, o.Type.Shape);
            table[plan.FirstOutputSlot + i] = (nint)results[i].Pointer;
        }
        Steps(plan, table, cancellation);
        for (int i = 0; i < results.Length; i++) _frame[plan.Outputs[i].Wire] = results[i];
        foreach (var (v, t) in plan.KnownOutputs) _frame[v] = _parent is null && plan.Next is null ? t.Clone() : t;
        GC.KeepAlive(live);
    }

    private Tensor? GivenFor(PlanOutput o, Plan plan, Span<RuntimeValue?> given)
    {
        for (int i = 0; i < given.Length; i++)
        {
            if (given[i] is not Tensor t || Resolve(_program.Graph.Outputs[i], plan.Aliases) != o.Wire) continue;
            if (t.DType != o.Type.DType || t.Shape != o.Type.Shape) throw new InputException($"output '{_program.Graph.Outputs[i].Name}' is {o.Type}, the buffer given is {t}", _program.Graph.Outputs[i].Name);
            return t;
        }
        return null;
    }

    private Tensor Allocate(DType dtype, Shape shape)
    {
        _options.Check?.Invoke(dtype.ByteCount(shape.Elements), "a value");
        return _side.Rent(dtype, shape);
    }

    private nint[] Table(Plan plan)
    {
        if (_tables.TryGetValue(plan, out var table)) return table;
        if (_tables.Count >= 64) _tables.Clear();
        table = new nint[plan.SlotCount];
        unsafe
        {
            for (int i = 0; i < plan.Constants.Count; i++) table[1 + i] = (nint)plan.Constants[i].Pointer;
        }
        _options.Planned?.Invoke(plan);
        return _tables[plan] = table;
    }

    private void Steps(Plan plan, nint[] table, CancellationToken cancellation)
    {
        if (_options.Profile || _options.Poison || _options.Observe is not null)
        {
            StepsWatched(plan, table, cancellation);
            return;
        }
        var steps = (List<PlanStep>)plan.Steps;
        for (int i = 0; i < steps.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Step(steps[i], table, cancellation);
        }
    }

    private void Step(PlanStep s, nint[] table, CancellationToken cancellation)
    {
        try
        {
            s.Run(new StepContext(table, s.Inputs, s.Outputs, s.Work, _workers, cancellation));
        }
        catch (OperatorException e) when (e.Node is null)
        {
            throw new OperatorException(e.Detail, s.Node?.Describe() ?? s.Name, e);
        }
        catch (Exception e) when (Faults.IsEscaped(e))
        {
            throw Faults.Escaped(e, s.Node?.Describe() ?? s.Name);
        }
    }

    private void StepsWatched(Plan plan, nint[] table, CancellationToken cancellation)
    {
        if (_options.Poison) Fill(table[0], 0, plan.ArenaBytes);
        for (int i = 0; i < plan.Steps.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var s = plan.Steps[i];
            long start = Stopwatch.GetTimestamp();
            Step(s, table, cancellation);
            long end = Stopwatch.GetTimestamp();
            _options.Observe?.Invoke(s, new StepContext(table, s.Inputs, s.Outputs, s.Work, _workers, cancellation), start, end);
            if (_options.Profile)
            {
                if (!_timings.TryGetValue(s, out var timing)) _timings[s] = timing = new StepTiming(s, _timings.Count);
                timing.Nanoseconds.Add((long)Stopwatch.GetElapsedTime(start, end).TotalNanoseconds);
            }
            if (!_options.Poison) continue;
            foreach (var b in plan.Buffers)
                if (b.Region == Region.Arena && b.Last == i) Fill(table[0], b.Offset, b.Bytes);
        }
    }

    // Bytes of 0xFF are a NaN in every float type and an impossible index in every integer type.
    private static unsafe void Fill(nint arena, long offset, long bytes)
    {
        for (long done = 0; done < bytes; done += int.MaxValue) new Span<byte>((byte*)arena + offset + done, (int)Math.Min(int.MaxValue, bytes - done)).Fill(0xFF);
    }

    private void RunTail(Node tail, Plan plan, CancellationToken cancellation)
    {
        var operands = new RuntimeValue?[plan.TailInputs.Count];
        for (int i = 0; i < operands.Length; i++) operands[i] = plan.TailInputs[i] is { } v ? Find(v) : null;
        var results = _evaluator.Run(tail, operands, cancellation, (g, values) => RunChild(g, values, plan.Aliases, cancellation), Allocate);
        for (int i = 0; i < tail.Outputs.Count; i++)
            if (tail.Outputs[i] is { } v) _frame[v] = results[i] ?? throw new OperatorException($"output {i} was not computed", tail.Describe());
    }

    private RuntimeValue[] RunChild(ModelGraph graph, IReadOnlyList<RuntimeValue> values, IReadOnlyDictionary<Value, Value> aliases, CancellationToken cancellation)
    {
        var program = _program.Child(graph, aliases);
        if (!_children.TryGetValue(program, out var child)) _children[program] = child = new Executor(program, _workers, _options, _depth + 1, this, _timings);
        if (values.Count != graph.Inputs.Count) throw new OperatorException($"graph '{graph.Name}' takes {graph.Inputs.Count} inputs, got {values.Count}");
        var outputs = new RuntimeValue?[graph.Outputs.Count];
        child.Run(values.ToArray(), outputs, cancellation);
        return outputs!;
    }
}

/// <summary>One arena a nesting depth: branches that exclude each other share it.</summary>
internal sealed unsafe class Arenas
{
    private readonly List<TensorStorage?> _byDepth = [];

    public long Bytes { get; private set; }

    public nint Pointer(int depth, long bytes, Action<long, string>? reserve)
    {
        while (_byDepth.Count <= depth) _byDepth.Add(null);
        var s = _byDepth[depth];
        if (s is null || s.Length < bytes)
        {
            reserve?.Invoke(bytes - (s?.Length ?? 0), "arena");
            Bytes += bytes - (s?.Length ?? 0);
            _byDepth[depth] = s = TensorStorage.Allocate(bytes);
        }
        return (nint)s.Pointer;
    }
}
