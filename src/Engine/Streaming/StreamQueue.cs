using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>Results of hops that wait to be read: a ring of output tensors, which the hops write in place.</summary>
internal sealed class StreamQueue(StreamPlan plan, int capacity)
{
    private readonly Tensor?[][] _slots = [.. Enumerable.Range(0, capacity).Select(_ => new Tensor?[plan.Outputs.Count])];
    private readonly (long Hop, long? Length, long Pushed)[] _hops = new (long, long?, long)[capacity];
    private int _first, _count, _output;

    public bool IsFull => _count == capacity;

    /// <summary>True when every result has been read; the last one is valid until the next hop nevertheless.</summary>
    public bool IsEmpty => _count == 0 || _count == 1 && !HasResult(_hops[_first].Hop, _hops[_first].Length, _output);

    /// <summary>Bytes of the tensors made so far.</summary>
    public long Bytes => _slots.Sum(s => s.Sum(t => t?.ByteLength ?? 0));

    /// <summary>Where the next hop writes its outputs; null where none was made yet.</summary>
    public Tensor?[] Slot => _slots[(_first + _count) % capacity];

    public void Add(long hop, long? length, long pushed)
    {
        _hops[(_first + _count) % capacity] = (hop, length, pushed);
        _count++;
        // A hop without a result takes no place.
        if (_count == 1) _output = 0;
        if (!HasResult(hop, length)) _count--;
    }

    public void Clear() => (_first, _count, _output) = (0, 0, 0);

    /// <summary>True when <paramref name="hops"/> hops give all results of a signal of so many samples.</summary>
    public bool IsComplete(long hops, long samples)
    {
        foreach (var o in plan.Outputs)
            if (hops < HopsFor(o, samples)) return false;
        return true;
    }

    private long HopsFor(StreamOutput o, long samples)
    {
        long n = o.Length(samples, plan.Hop);
        return n <= 0 ? 0 : o.Pulse is { } p ? Checked.CeilDiv(p.Delay + n, p.Frames) : samples / plan.Hop + o.HopDelay;
    }

    private bool HasResult(long hop, long? length, int from = 0)
    {
        for (int i = from; i < plan.Outputs.Count; i++)
            if (Range(plan.Outputs[i], hop, length) is var (first, last) && first < last) return true;
        return false;
    }

    // Frames of a hop that belong to the signal.
    private (int From, int To) Range(StreamOutput o, long hop, long? length)
    {
        if (o.Pulse is not { } p) return (0, o.Result(hop) is not null && (length is not { } n || hop < n / plan.Hop + o.HopDelay) ? 1 : 0);
        long at = hop * p.Frames, end = length is { } samples ? p.Delay + p.Time.Length(samples) : long.MaxValue;
        return ((int)Math.Clamp(p.Delay - at, 0, p.Frames), (int)Math.Clamp(end - at, 0, p.Frames));
    }

    public bool TryRead(out StreamResult result)
    {
        while (_count > 0)
        {
            while (_output < plan.Outputs.Count)
            {
                int i = _output++;
                var (hop, length, pushed) = _hops[_first];
                var (from, to) = Range(plan.Outputs[i], hop, length);
                if (from >= to) continue;
                result = Result(plan.Outputs[i], _slots[_first][i]!, hop, from, to, pushed);
                return true;
            }
            _output = 0;
            _first = (_first + 1) % capacity;
            _count--;
        }
        result = default;
        return false;
    }

    private StreamResult Result(StreamOutput o, Tensor values, long hop, int from, int to, long pushed)
    {
        if (o.Pulse is not { } p) return new(o, o.Result(hop)!.Value, 1, values, 0, (hop - o.HopDelay + 1.0) * plan.Hop - 1, pushed);
        long index = hop * p.Frames + from - p.Delay;
        return new(o, index, to - from, values, from, p.Time.Newest + (index + to - from - 1) * p.Time.Step, pushed);
    }
}
