using Engine.Kernels;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>The samples of a hop under way, as the graph of a hop takes them.</summary>
internal sealed class StreamSamples
{
    private readonly int _hop, _inner, _outer;

    public StreamSamples(StreamPlan plan)
    {
        var s = plan.Input.Type.Shape;
        Tensor = Tensor.Allocate(plan.Input.Type.DType, s);
        (_hop, _outer, _inner) = (plan.Hop, Checked.Int(s.Product(0, plan.Input.Axis)), Checked.Int(s.Product(plan.Input.Axis + 1, s.Rank)));
    }

    public Tensor Tensor { get; }

    /// <summary>Elements of a sample.</summary>
    public int Elements => _outer * _inner;

    /// <summary>Samples taken; the rest of the tensor is undefined.</summary>
    public int Count { get; set; }

    /// <summary>Samples that the hop still needs.</summary>
    public int Missing => _hop - Count;

    /// <summary>Throws <see cref="InputException"/> unless these are whole samples of the right type; their number.</summary>
    public int CountOf<T>(ReadOnlySpan<T> samples) where T : unmanaged
    {
        if (samples.Length % Elements != 0) throw new InputException($"{samples.Length} elements are no whole samples of {Elements}");
        if (DTypeOf<T>.Value != Tensor.DType) throw new InputException($"samples are {DTypeOf<T>.Value.Display()}, expected {Tensor.DType.Display()}");
        return samples.Length / Elements;
    }

    /// <summary>Takes <paramref name="count"/> samples, no more than are missing.</summary>
    public void Add<T>(ReadOnlySpan<T> samples, int count) where T : unmanaged
    {
        var to = Tensor.Span<T>();
        if (_outer == 1) samples[..(count * _inner)].CopyTo(to[(Count * _inner)..]);
        else if (count == _hop) StridedCopy.Run(Workers.Single, samples, 0, [_outer, _hop, _inner], [_inner, (long)_outer * _inner, 1], to);
        else
            for (int o = 0; o < _outer; o++)
            {
                var row = to.Slice((o * _hop + Count) * _inner, count * _inner);
                if (_inner == 1) for (int t = 0; t < row.Length; t++) row[t] = samples[t * _outer + o];
                else for (int t = 0; t < count; t++) samples.Slice((t * _outer + o) * _inner, _inner).CopyTo(row[(t * _inner)..]);
            }
        Count += count;
    }

    /// <summary>Fills the hop with zeros, which every layer behind the end of a signal replaces by its own padding.</summary>
    public void Fill()
    {
        int element = Checked.Int(Tensor.ByteLength / Tensor.Shape.Elements) * _inner;
        for (int o = 0; o < _outer; o++) Tensor.Bytes.Slice((o * _hop + Count) * element, Missing * element).Clear();
        Count = _hop;
    }

    public void Clear()
    {
        Count = 0;
        Tensor.Bytes.Clear();
    }
}
