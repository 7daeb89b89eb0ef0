using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// One stream: samples in, in chunks of any size, results out as they become due. For one caller at a time. After the first hops it allocates nothing.
/// </summary>
public sealed class StreamSession : IDisposable
{
    private readonly StreamPlan _plan;
    private readonly HopRunner _runner;
    private readonly LiveStream _stream;

    internal StreamSession(StreamModel model, StreamSessionOptions options)
    {
        (Model, _plan) = (model, model.Plan);
        _stream = new LiveStream(_plan, options.Queue, 1);
        _runner = new HopRunner(model.Hop, _plan, options.Session);
    }

    /// <summary>The model.</summary>
    public StreamModel Model { get; }

    /// <summary>Elements of a sample: channels, and streams side by side.</summary>
    public int SampleElements => _stream.SampleElements;

    /// <summary>The model's outputs.</summary>
    public IReadOnlyList<StreamOutput> Outputs => _plan.Outputs;

    /// <summary>Samples taken so far.</summary>
    public long Pushed => _stream.Pushed;

    /// <summary>Hops run so far.</summary>
    public long Hops => _stream.Hops;

    /// <summary>Bytes that the stream holds between hops.</summary>
    public long StateBytes => _stream.Memory.Bytes;

    /// <summary>Bytes that the stream takes, with the memory that a session has for its hops.</summary>
    public StreamFootprint Footprint => new(StateBytes, _stream.SampleBytes, _stream.Queue.Bytes, _runner.Bytes);

    /// <summary>The session that runs the hops: its plans and timings.</summary>
    public Session Session => _runner.Session;

    /// <summary>
    /// Takes samples, one after the other, each <see cref="SampleElements"/> elements in the order of the input's other axes, and runs every hop that they complete. Returns how many samples it took:
    /// fewer than given when results wait to be read. After an error or a cancellation within a hop the stream's state is lost: <see cref="Reset"/> or <see cref="Restore"/> it.
    /// </summary>
    public int Push<T>(ReadOnlySpan<T> samples, CancellationToken cancellation = default) where T : unmanaged
    {
        int taken = 0;
        while (true)
        {
            taken += _stream.TakeHop(samples, _stream.Queue.IsFull ? int.MaxValue : taken);
            if (!_stream.HasHop) return taken;
            _runner.Run(_stream, cancellation);
        }
    }

    /// <inheritdoc cref="Push{T}(ReadOnlySpan{T}, CancellationToken)"/>
    public int Push(ReadOnlySpan<float> samples, CancellationToken cancellation = default) => Push<float>(samples, cancellation);

    /// <summary>The next result, in the order of hops and then of the model's outputs; false when none is due.</summary>
    public bool TryRead(out StreamResult result) => _stream.Queue.TryRead(out result);

    /// <summary>
    /// Ends the signal: results that wait for later samples come with padding in their place, as at the end of a whole signal. False when results must be read before it can go on: read and call again.
    /// </summary>
    public bool Finish(CancellationToken cancellation = default)
    {
        _stream.End();
        while (!_stream.IsComplete)
        {
            if (_stream.Queue.IsFull) return false;
            _runner.Run(_stream, cancellation);
        }
        return true;
    }

    /// <summary>Begins another signal; results not read are dropped.</summary>
    public void Reset() => _stream.Reset();

    /// <summary>
    /// The state of the stream as bytes, for <see cref="Restore"/> here or in another process, on any tier of kernels, or in a <see cref="StreamGroup"/>. Throws <see cref="InvalidOperationException"/> while results wait to be
    /// read.
    /// </summary>
    public byte[] Save() => _stream.Save(_runner.Layouts, _runner.Kernels);

    /// <summary>Goes on where a stream of the same model and options was saved; on the same tier of kernels with the same bits. Throws <see cref="InputException"/> for bytes that are no state of this model, and changes nothing then.</summary>
    public void Restore(ReadOnlySpan<byte> saved) => _stream.Restore(saved, _runner.Layouts, _runner.Kernels);

    /// <summary>Gives memory and threads back.</summary>
    public void Dispose() => _runner.Dispose();
}
