using Engine.Tensors;

namespace Engine;

/// <summary>A stream of a <see cref="StreamGroup"/>: samples in, results out; <see cref="StreamGroup.Step"/> runs its hops. For one caller at a time, and none during a step.</summary>
public sealed class StreamSlot : IDisposable
{
    private readonly StreamGroup _group;

    internal StreamSlot(StreamGroup group, LiveStream stream) => (_group, Stream) = (group, stream);

    internal LiveStream Stream { get; }

    /// <summary>Elements of a sample: channels.</summary>
    public int SampleElements => Stream.SampleElements;

    /// <summary>Samples taken so far.</summary>
    public long Pushed => Stream.Pushed;

    /// <summary>Hops run so far.</summary>
    public long Hops => Stream.Hops;

    /// <summary>True when the next <see cref="StreamGroup.Step"/> runs a hop of it.</summary>
    public bool IsDue => Stream.IsDue;

    /// <summary>Bytes that the stream takes, with its share of what the group's streams use together.</summary>
    public StreamFootprint Footprint => new(Stream.Memory.Bytes, Stream.SampleBytes, Stream.Queue.Bytes, _group.SharedBytes / Math.Max(1, _group.Count));

    /// <summary>Takes samples, one after the other, each <see cref="SampleElements"/> elements in the order of the input's other axes. Returns how many it took: fewer than given when <see cref="StreamGroupOptions.Backlog"/> hops wait.</summary>
    public int Push<T>(ReadOnlySpan<T> samples) where T : unmanaged => Stream.Take(samples);

    /// <inheritdoc cref="Push{T}(ReadOnlySpan{T})"/>
    public int Push(ReadOnlySpan<float> samples) => Stream.Take(samples);

    /// <summary>The next result, in the order of hops and then of the model's outputs; false when none is due.</summary>
    public bool TryRead(out StreamResult result) => Stream.Queue.TryRead(out result);

    /// <summary>Ends the signal: steps go on with padding in the place of later samples. True when all results have been given; false while steps, and reading what they gave, are still needed.</summary>
    public bool Finish()
    {
        Stream.End();
        return Stream.IsComplete;
    }

    /// <summary>Begins another signal; samples that wait and results not read are dropped.</summary>
    public void Reset() => Stream.Reset();

    /// <summary>The state of the stream as bytes, for <see cref="Restore"/> or <see cref="StreamSession.Restore"/>. Throws <see cref="InvalidOperationException"/> while a whole hop waits to run or results to be read.</summary>
    public byte[] Save() => Stream.Save(_group.Layouts, _group.Kernels);

    /// <summary>Goes on where a stream of the same model and options was saved, in this group, another or a <see cref="StreamSession"/>. Throws <see cref="InputException"/> for bytes that are no state of this model, and changes nothing then.</summary>
    public void Restore(ReadOnlySpan<byte> saved) => Stream.Restore(saved, _group.Layouts, _group.Kernels);

    /// <summary>Leaves the group; the others go on as they are.</summary>
    public void Dispose() => _group.Remove(this);
}
