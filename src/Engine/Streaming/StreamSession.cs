using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// One stream: samples in, in chunks of any size, results out as they become due. For one caller at a time. After the first hops it allocates nothing.
/// </summary>
public sealed class StreamSession : IDisposable
{
    private readonly StreamPlan _plan;
    private readonly Session _session;
    private readonly StreamQueue _queue;
    private readonly StreamMemory _memory;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private readonly Tensor _input;
    private readonly Tensor? _visible;
    private readonly int _inner, _outer;
    private int _pending;
    private long? _length;
    private bool _broken;

    internal StreamSession(StreamModel model, StreamSessionOptions options)
    {
        if (options.Queue < 1) throw new InputException($"a queue of {options.Queue} hops; expected at least 1");
        (Model, _plan) = (model, model.Plan);
        _session = model.Hop.CreateSession(options.Session);
        _memory = new StreamMemory(_plan);
        _queue = new StreamQueue(_plan, options.Queue);
        _input = Tensor.Allocate(_plan.Input.Type.DType, _plan.Input.Type.Shape);
        _visible = _plan.VisibleInput is null ? null : Tensor.Allocate(DType.I64, new Shape(1, _plan.Visible.Count, 2));
        _inputs = [_input, .. _visible is { } v ? [v] : Array.Empty<Tensor>(), .. _memory.Current];
        _outputs = [.. _plan.Outputs.Select(_ => (RuntimeValue?)null), .. _memory.Next];
        var s = _plan.Input.Type.Shape;
        (_outer, _inner) = (Checked.Int(s.Product(0, _plan.Input.Axis)), Checked.Int(s.Product(_plan.Input.Axis + 1, s.Rank)));
        Reset();
    }

    /// <summary>The model.</summary>
    public StreamModel Model { get; }

    /// <summary>Elements of a sample: channels, and streams side by side.</summary>
    public int SampleElements => _outer * _inner;

    /// <summary>The model's outputs.</summary>
    public IReadOnlyList<StreamOutput> Outputs => _plan.Outputs;

    /// <summary>Samples taken so far.</summary>
    public long Pushed => _length ?? Hops * _plan.Hop + _pending;

    /// <summary>Hops run so far.</summary>
    public long Hops { get; private set; }

    /// <summary>Bytes that the stream holds between hops.</summary>
    public long StateBytes => _memory.Bytes;

    /// <summary>The session that runs the hops: its plans and timings.</summary>
    public Session Session => _session;

    /// <summary>
    /// Takes samples, one after the other, each <see cref="SampleElements"/> elements in the order of the input's other axes, and runs every hop that they complete. Returns how many samples it took:
    /// fewer than given when results wait to be read. After an error or a cancellation within a hop the stream's state is lost: <see cref="Reset"/> or <see cref="Restore"/> it.
    /// </summary>
    public int Push<T>(ReadOnlySpan<T> samples, CancellationToken cancellation = default) where T : unmanaged
    {
        RequireWhole();
        if (_length is not null) throw new InvalidOperationException("the stream has ended; reset it to begin another");
        if (samples.Length % SampleElements != 0) throw new InputException($"{samples.Length} elements are no whole samples of {SampleElements}");
        if (DTypeOf<T>.Value != _input.DType) throw new InputException($"samples are {DTypeOf<T>.Value.Display()}, expected {_input.DType.Display()}");
        int count = samples.Length / SampleElements, taken = 0;
        while (taken < count)
        {
            if (_pending == 0 && _queue.IsFull) return taken;
            int n = Math.Min(count - taken, _plan.Hop - _pending);
            Scatter(samples.Slice(taken * SampleElements, n * SampleElements), n);
            _pending += n;
            taken += n;
            if (_pending == _plan.Hop) Run(cancellation);
        }
        return taken;
    }

    /// <inheritdoc cref="Push{T}(ReadOnlySpan{T}, CancellationToken)"/>
    public int Push(ReadOnlySpan<float> samples, CancellationToken cancellation = default) => Push<float>(samples, cancellation);

    /// <summary>The next result, in the order of hops and then of the model's outputs; false when none is due.</summary>
    public bool TryRead(out StreamResult result) => _queue.TryRead(out result);

    /// <summary>
    /// Ends the signal: results that wait for later samples come with padding in their place, as at the end of a whole signal. False when results must be read before it can go on: read and call again.
    /// </summary>
    public bool Finish(CancellationToken cancellation = default)
    {
        RequireWhole();
        _length ??= Pushed;
        while (!_queue.IsComplete(Hops, _length.Value))
        {
            if (_queue.IsFull) return false;
            Scatter<byte>([], 0);
            Run(cancellation);
        }
        return true;
    }

    /// <summary>Begins another signal; results not read are dropped.</summary>
    public void Reset()
    {
        (Hops, _pending, _length, _broken) = (0, 0, null, false);
        _memory.Reset();
        _queue.Clear();
        _input.Bytes.Clear();
    }

    /// <summary>The state of the stream as bytes, for <see cref="Restore"/>. Throws <see cref="InvalidOperationException"/> while results wait to be read.</summary>
    public byte[] Save()
    {
        RequireWhole();
        if (!_queue.IsEmpty) throw new InvalidOperationException("results wait to be read; a stream is saved without any");
        return StreamSnapshot.Write(_plan, _memory, Hops, _pending, _length, _input);
    }

    /// <summary>Goes on where a stream of the same model was saved, with the same bits. Throws <see cref="InputException"/> for bytes that are no state of this model.</summary>
    public void Restore(ReadOnlySpan<byte> saved)
    {
        var (hops, pending, length) = StreamSnapshot.Read(saved, _plan, _memory, _input);
        (Hops, _pending, _length, _broken) = (hops, pending, length, false);
        _queue.Clear();
    }

    private void Run(CancellationToken cancellation)
    {
        if (_visible is not null) See(_visible.Span<long>());
        _memory.Before(Hops);
        var slot = _queue.Slot;
        slot.CopyTo(_outputs, 0);
        // Until the hop is through, some states are those after it and some those before.
        _broken = true;
        _session.Run(_inputs, _outputs, cancellation);
        _broken = false;
        for (int i = 0; i < slot.Length; i++) slot[i] = (Tensor)_outputs[i]!;
        _memory.After();
        _queue.Add(Hops, _length, Pushed);
        Hops++;
        _pending = 0;
    }

    private void RequireWhole()
    {
        if (_broken) throw new InvalidOperationException("a hop ended with an error or a cancellation; reset or restore the stream");
    }

    private void See(Span<long> visible)
    {
        for (int i = 0; i < _plan.Visible.Count; i++) (visible[2 * i], visible[2 * i + 1]) = _plan.Visible[i].In(Hops, _length);
    }

    private void Scatter<T>(ReadOnlySpan<T> samples, int count) where T : unmanaged
    {
        if (_length is not null)
        {
            // What was pushed of the last hop stays; the rest is padding, which every layer puts in itself.
            Clear();
            _pending = _plan.Hop;
            return;
        }
        var to = _input.Span<T>();
        for (int t = 0; t < count; t++)
            for (int o = 0; o < _outer; o++) samples.Slice((t * _outer + o) * _inner, _inner).CopyTo(to[((o * _plan.Hop + _pending + t) * _inner)..]);
    }

    private void Clear()
    {
        long element = _input.ByteLength / _input.Shape.Elements * _inner;
        for (int o = 0; o < _outer; o++) _input.Bytes.Slice(Checked.Int((o * _plan.Hop + _pending) * element), Checked.Int((_plan.Hop - _pending) * element)).Clear();
    }

    /// <summary>Gives memory and threads back.</summary>
    public void Dispose() => _session.Dispose();
}
