using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>Runs hops of streams one at a time, on the memory of each.</summary>
internal sealed class HopRunner : IDisposable
{
    private readonly StreamPlan _plan;
    private readonly KernelRegistry _kernels;
    private readonly Tensor? _visible;
    private readonly Tensor?[] _next;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private StateLayout[]? _layouts;

    public HopRunner(Model hop, StreamPlan plan, SessionOptions options)
    {
        (_plan, _kernels) = (plan, hop.Options.Kernels);
        Session = hop.CreateSession(options);
        _visible = plan.VisibleInput is null ? null : Tensor.Allocate(DType.I64, new Shape(1, plan.Visible.Count, 2));
        // Where a kernel may not write over the state that it reads.
        _next = [.. plan.States.Select(s => s.InPlace ? null : Tensor.Allocate(s.Type.DType, s.Type.Shape))];
        _inputs = new RuntimeValue[1 + (_visible is null ? 0 : 1) + _next.Length];
        _outputs = new RuntimeValue?[plan.Outputs.Count + _next.Length];
        if (_visible is not null) _inputs[1] = _visible;
    }

    public Session Session { get; }

    /// <summary>Bytes that all streams share, the arena included.</summary>
    public long Bytes => Session.ArenaBytes + _next.Sum(t => t?.ByteLength ?? 0);

    /// <summary>How the states lie in memory; where no hop has run yet, one of silence is run to find out.</summary>
    public StateLayout[] Layouts
    {
        get
        {
            if (_layouts is not null) return _layouts;
            if (Session.Plans.Count == 0) ResultsOfSilence();
            return _layouts = StateLayout.Of(_plan, Session.Plans);
        }
    }

    public KernelRegistry Kernels => _kernels;

    /// <summary>What the first hop of a stream of zeros gives.</summary>
    public IReadOnlyList<Tensor> ResultsOfSilence()
    {
        var s = new LiveStream(_plan, 1, 1);
        var slot = s.Queue.Slot;
        Run(s, default);
        return slot!;
    }

    /// <summary>Runs the next hop of a stream that has its samples, or has ended.</summary>
    public void Run(LiveStream s, CancellationToken cancellation)
    {
        s.BeforeHop(_visible is null ? [] : _visible.Span<long>());
        int at = _inputs.Length - _next.Length, results = _plan.Outputs.Count;
        _inputs[0] = s.Input;
        var slot = s.Queue.Slot;
        slot.CopyTo(_outputs, 0);
        for (int i = 0; i < _next.Length; i++)
        {
            _inputs[at + i] = s.Memory.Current[i];
            _outputs[results + i] = _next[i] ?? s.Memory.Current[i];
        }
        s.IsBroken = true;
        Session.Run(_inputs, _outputs, cancellation);
        s.IsBroken = false;
        for (int i = 0; i < slot.Length; i++) slot[i] = (Tensor)_outputs[i]!;
        for (int i = 0; i < _next.Length; i++) _next[i]?.Bytes.CopyTo(s.Memory.Current[i].Bytes);
        s.AfterHop();
    }

    public void Dispose() => Session.Dispose();
}
