using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>What a hop gave for one output: frames of a stream, or the result of a window. Valid until the next result is read or samples are pushed.</summary>
/// <param name="Output">The output.</param>
/// <param name="Index">Number of the first frame, as the model counts them over the whole signal; of a window, the hop that it ends with.</param>
/// <param name="Frames">Frames; 1 for a window.</param>
/// <param name="Values">The hop's tensor, whose frames may not all be of this result: see <see cref="CopyTo{T}"/>.</param>
/// <param name="First">Place of the first frame in <paramref name="Values"/>.</param>
/// <param name="Sample">The newest sample that the last frame depends on.</param>
/// <param name="Pushed">Samples pushed when it was computed: what it comes later than <paramref name="Sample"/> is its latency.</param>
public readonly record struct StreamResult(StreamOutput Output, long Index, int Frames, Tensor Values, int First, double Sample, long Pushed)
{
    /// <summary>Elements of a frame, or of a window's result.</summary>
    public int FrameElements => Output.Pulse is { } p ? Checked.Int(Values.Shape.Elements / p.Frames) : Checked.Int(Values.Shape.Elements);

    /// <summary>Copies the frames one after the other, each in the order of its axes.</summary>
    public void CopyTo<T>(Span<T> to) where T : unmanaged
    {
        var from = Values.Span<T>();
        if (Output.Pulse is not { } p)
        {
            from.CopyTo(to);
            return;
        }
        var s = Values.Shape;
        int inner = Checked.Int(s.Product(p.Axis + 1, s.Rank)), outer = Checked.Int(s.Product(0, p.Axis));
        for (int f = 0; f < Frames; f++)
            for (int o = 0; o < outer; o++) from.Slice((o * p.Frames + First + f) * inner, inner).CopyTo(to[((f * outer + o) * inner)..]);
    }
}
