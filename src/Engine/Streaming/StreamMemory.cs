using Engine.Runtime;
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
        Next = [.. plan.States.Select((s, i) => s.InPlace ? Current[i] : Tensor.Allocate(s.Type.DType, s.Type.Shape))];
        foreach (var t in Current) Bytes += t.ByteLength;
    }

    /// <summary>States before a hop.</summary>
    public Tensor[] Current { get; }

    /// <summary>States after it; the same memory where a kernel may write over what it read.</summary>
    public Tensor[] Next { get; }

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

    public void After()
    {
        for (int i = 0; i < Current.Length; i++)
            if (!ReferenceEquals(Current[i], Next[i])) Next[i].Bytes.CopyTo(Current[i].Bytes);
    }

    private void Reset(int i)
    {
        if (_plan.States[i].Initial is { } t) t.Bytes.CopyTo(Current[i].Bytes);
        else Current[i].Bytes.Clear();
    }
}
