using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>One stream, whoever runs its hops: samples that wait, states, results that wait.</summary>
internal sealed class LiveStream
{
    private readonly StreamPlan _plan;
    private readonly StreamSamples[] _samples;
    private int _first, _full;

    /// <param name="plan">The model.</param>
    /// <param name="queue">Hops whose results may wait.</param>
    /// <param name="backlog">Hops whose samples may wait.</param>
    public LiveStream(StreamPlan plan, int queue, int backlog)
    {
        if (queue < 1) throw new InputException($"a queue of {queue} hops; expected at least 1");
        if (backlog < 1) throw new InputException($"a backlog of {backlog} hops; expected at least 1");
        _plan = plan;
        Memory = new StreamMemory(plan);
        Queue = new StreamQueue(plan, queue);
        _samples = [.. Enumerable.Range(0, backlog).Select(_ => new StreamSamples(plan))];
        Reset();
    }

    public StreamMemory Memory { get; }

    public StreamQueue Queue { get; }

    public long Hops { get; private set; }

    /// <summary>Samples of the signal, once it has ended.</summary>
    public long? Length { get; private set; }

    /// <summary>True when a hop ended midway: some states are those after it and some those before.</summary>
    public bool IsBroken { get; set; }

    public int SampleElements => _samples[0].Elements;

    public long Pushed => Length ?? (Hops + _full) * _plan.Hop + (_full < _samples.Length ? Tail.Count : 0);

    /// <summary>The samples of the next hop.</summary>
    public Tensor Input => _samples[_first].Tensor;

    /// <summary>True when all samples of a hop are there.</summary>
    public bool HasHop => _full > 0;

    /// <summary>True when a hop can run: its samples are there, or the signal has ended and results are still due, and there is room for its results.</summary>
    public bool IsDue => !IsBroken && !Queue.IsFull && (HasHop || Length is { } n && !Queue.IsComplete(Hops, n));

    public bool IsComplete => Length is { } n && !HasHop && Queue.IsComplete(Hops, n);

    public long SampleBytes => _samples.Length * _samples[0].Tensor.ByteLength;

    // Where new samples go; where every hop is full, the first one, which takes none.
    private StreamSamples Tail => _samples[(_first + _full) % _samples.Length];

    /// <summary>Takes samples, no more than there is room for; returns how many.</summary>
    public int Take<T>(ReadOnlySpan<T> samples) where T : unmanaged
    {
        int count = CountOf(samples), taken = 0;
        while (taken < count && _full < _samples.Length) taken += Fill(samples, taken, count);
        return taken;
    }

    /// <summary>Takes samples until a hop is full; returns how many.</summary>
    public int TakeHop<T>(ReadOnlySpan<T> samples, int from) where T : unmanaged
    {
        int count = CountOf(samples);
        return from < count && _full < _samples.Length ? Fill(samples, from, count) : 0;
    }

    private int CountOf<T>(ReadOnlySpan<T> samples) where T : unmanaged
    {
        RequireWhole();
        if (Length is not null) throw new InvalidOperationException("the stream has ended; reset it to begin another");
        return _samples[0].CountOf(samples);
    }

    private int Fill<T>(ReadOnlySpan<T> samples, int from, int to) where T : unmanaged
    {
        var tail = Tail;
        int n = Math.Min(to - from, tail.Missing);
        tail.Add(samples.Slice(from * tail.Elements, n * tail.Elements), n);
        if (tail.Missing == 0) _full++;
        return n;
    }

    public void End()
    {
        RequireWhole();
        Length ??= Pushed;
    }

    /// <summary>Makes samples, states and visible ranges ready for the next hop.</summary>
    public void BeforeHop(Span<long> visible)
    {
        if (!HasHop)
        {
            Tail.Fill();
            _full++;
        }
        for (int i = 0; i < _plan.Visible.Count; i++) (visible[2 * i], visible[2 * i + 1]) = _plan.Visible[i].In(Hops, Length);
        Memory.Before(Hops);
    }

    /// <summary>Takes in that the hop ran and wrote states and results.</summary>
    public void AfterHop()
    {
        Queue.Add(Hops, Length, Pushed);
        Hops++;
        _samples[_first].Count = 0;
        _first = (_first + 1) % _samples.Length;
        _full--;
    }

    public void Reset()
    {
        (Hops, Length, IsBroken, _first, _full) = (0, null, false, 0, 0);
        Memory.Reset();
        Queue.Clear();
        foreach (var s in _samples) s.Clear();
    }

    public byte[] Save(StateLayout[] layouts, KernelRegistry kernels)
    {
        RequireWhole();
        if (!Queue.IsEmpty) throw new InvalidOperationException("results wait to be read; a stream is saved without any");
        if (HasHop) throw new InvalidOperationException("a whole hop of samples waits to run; a stream is saved without any");
        return StreamSnapshot.Write(_plan, layouts, kernels, Memory, new(Hops, Length), _samples[_first]);
    }

    public void Restore(ReadOnlySpan<byte> saved, StateLayout[] layouts, KernelRegistry kernels)
    {
        // Hops that wait are kept where the bytes are refused.
        int first = HasHop ? (_first + _full) % _samples.Length : _first;
        var at = StreamSnapshot.Read(saved, _plan, layouts, kernels, Memory, _samples[first]);
        int pending = _samples[first].Count;
        foreach (var s in _samples) s.Count = 0;
        _samples[first].Count = pending;
        (Hops, Length, IsBroken, _first, _full) = (at.Hops, at.Length, false, first, 0);
        Queue.Clear();
    }

    public void RequireWhole()
    {
        if (IsBroken) throw new InvalidOperationException("a hop ended with an error or a cancellation; reset or restore the stream");
    }
}
