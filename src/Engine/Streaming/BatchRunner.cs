using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>Runs a hop of several streams at once: states are brought side by side, and back where the hop went through.</summary>
internal sealed class BatchRunner : IDisposable
{
    private readonly StreamPlan _lone;
    private readonly WidePlan _wide;
    private readonly Tensor _input;
    private readonly Tensor? _visible;
    private readonly Tensor[] _states, _next;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private readonly StateLanes _inputLanes;
    private readonly StateLanes[] _stateLanes, _outputLanes;
    private readonly Tensor[] _results;
    private readonly Shape[] _resultShapes;

    public BatchRunner(Model hop, StreamPlan lone, WidePlan wide, SessionOptions options)
    {
        (_lone, _wide) = (lone, wide);
        var plan = wide.Plan;
        Session = hop.CreateSession(options);
        _input = Tensor.Allocate(plan.Input.Type.DType, plan.Input.Type.Shape);
        _visible = plan.VisibleInput is null ? null : Tensor.Allocate(DType.I64, new Shape(wide.Width, plan.Visible.Count, 2));
        _states = [.. plan.States.Select(s => Tensor.Allocate(s.Type.DType, s.Type.Shape))];
        _next = [.. plan.States.Select((s, i) => s.InPlace ? _states[i] : Tensor.Allocate(s.Type.DType, s.Type.Shape))];
        _inputs = [_input, .. _visible is { } v ? [v] : Array.Empty<Tensor>(), .. _states];
        _outputs = [.. plan.Outputs.Select(_ => (RuntimeValue?)null), .. _next];
        // A hop of silence shows how states and results lie.
        Session.Run(_inputs, _outputs);
        _results = [.. _outputs.Take(plan.Outputs.Count).Select(o => o as Tensor ?? throw new UnsupportedException("it gives a value that is no tensor"))];
        _inputLanes = StateLanes.Of(plan.Input.Type, Encoding.Plain, wide.InputAxis);
        Layouts = StateLayout.Of(plan, Session.Plans);
        _stateLanes = [.. Layouts.Select((l, i) => StateLanes.Of(l.Type, l.Encoding, wide.StateAxes[i]))];
        Layouts = [.. Layouts.Select((l, i) => l with { Type = new TensorType(l.Type.DType, l.Type.Shape.With(wide.StateAxes[i], 1)) })];
        (_outputLanes, _resultShapes) = (new StateLanes[_results.Length], new Shape[_results.Length]);
    }

    public Session Session { get; }

    /// <summary>How the states of one stream lie in memory.</summary>
    public StateLayout[] Layouts { get; }

    /// <summary>Bytes that all streams share, the arena included.</summary>
    public long Bytes => Session.ArenaBytes + _input.ByteLength + _states.Sum(t => t.ByteLength) + _next.Where((t, i) => t != _states[i]).Sum(t => t.ByteLength) + _results.Sum(t => t.ByteLength) + (_visible?.ByteLength ?? 0);

    /// <summary>Tells where the results of a stream lie, from those of a stream by itself.</summary>
    public void Learn(IReadOnlyList<Tensor> lone)
    {
        for (int i = 0; i < _results.Length; i++)
        {
            Shape a = lone[i].Shape, b = _results[i].Shape;
            int axis = Enumerable.Range(0, a.Rank).FirstOrDefault(k => a[k] == 1 && a.Rank == b.Rank && b == a.With(k, _wide.Width), -1);
            if (axis < 0 || lone[i].DType != _results[i].DType || lone[i].DType == DType.String) throw new UnsupportedException($"its result '{_lone.Outputs[i].Name}' of shape {a} becomes {b}");
            (_outputLanes[i], _resultShapes[i]) = (StateLanes.Of(_results[i].Type, Encoding.Plain, axis), a);
        }
    }

    /// <summary>Runs the next hop of up to as many streams as a batch holds. Where it throws, their states are those before it.</summary>
    public void Run(ReadOnlySpan<LiveStream> streams, CancellationToken cancellation)
    {
        int rows = _wide.Plan.Visible.Count * 2;
        for (int k = 0; k < streams.Length; k++)
        {
            var s = streams[k];
            s.BeforeHop(_visible is null ? [] : _visible.Span<long>().Slice(k * rows, rows));
            _inputLanes.Put(s.Input.Bytes, _input.Bytes, k);
            for (int i = 0; i < _states.Length; i++) _stateLanes[i].Put(s.Memory.Current[i].Bytes, _states[i].Bytes, k);
        }
        Session.Run(_inputs, _outputs, cancellation);
        for (int k = 0; k < streams.Length; k++)
        {
            var s = streams[k];
            for (int i = 0; i < _next.Length; i++) _stateLanes[i].Take(_next[i].Bytes, k, s.Memory.Current[i].Bytes);
            var slot = s.Queue.Slot;
            for (int i = 0; i < _results.Length; i++)
            {
                var r = slot[i] ??= Tensor.Allocate(_results[i].DType, _resultShapes[i]);
                _outputLanes[i].Take(_results[i].Bytes, k, r.Bytes);
            }
            s.AfterHop();
        }
    }

    public void Dispose() => Session.Dispose();
}
