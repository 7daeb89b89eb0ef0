using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>What a stream holds from hop to hop.</summary>
internal sealed class StreamMemory
{
    private readonly StreamPlan _plan;

    public StreamMemory(StreamPlan plan)
    {
        _plan = plan;
        Current = [.. plan.States.Select(s => Tensor.Allocate(s.Type.DType, s.Type.Shape))];
        foreach (var t in Current) Bytes += t.ByteLength;
    }

    /// <summary>States before a hop.</summary>
    public Tensor[] Current { get; }

    public long Bytes { get; }

    public void Reset()
    {
        for (int i = 0; i < Current.Length; i++) Reset(i);
    }

    /// <summary>Sets the states that begin with this hop.</summary>
    public void Before(long hop)
    {
        for (int i = 0; i < Current.Length; i++)
            if (_plan.States[i].Reset == hop && hop > 0)
                Reset(i);
    }

    private void Reset(int i)
    {
        if (_plan.States[i].Initial is { } t) t.Bytes.CopyTo(Current[i].Bytes);
        else Current[i].Bytes.Clear();
    }
}
