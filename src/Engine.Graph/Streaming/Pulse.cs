using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>
/// A wire that carries a stream: every hop brings <paramref name="Frames"/> new frames along one axis. Frames are numbered from the first hop on; what the model calls frame 0 comes as number
/// <paramref name="Delay"/>, and what comes before it means nothing.
/// </summary>
/// <param name="Wire">The wire of the graph that runs a hop.</param>
/// <param name="Type">Its type within a hop; old frames that windows reach back to stand before the new ones.</param>
/// <param name="Axis">The streamed axis.</param>
/// <param name="Frames">New frames a hop.</param>
/// <param name="Delay">Number of the frame that is the model's frame 0.</param>
/// <param name="Time">How frames lie in the time of the input.</param>
public sealed record Pulse(Value Wire, TensorType Type, int Axis, int Frames, long Delay, StreamTime Time);

/// <summary>How the frames of a wire lie in the time of the input, as the model computes them of a whole signal.</summary>
/// <param name="Length">Frames that a signal of so many samples gives.</param>
/// <param name="Step">Samples from a frame to the next.</param>
/// <param name="Newest">The newest sample that frame 0 depends on.</param>
public sealed record StreamTime(Func<long, long> Length, double Step, double Newest)
{
    /// <summary>The input itself.</summary>
    public static StreamTime Input { get; } = new(n => n, 1, 0);

    /// <summary>Samples from the oldest to the newest that a frame depends on: the receptive field. Over layers one after the other rf = stride · rf of the rest + rf of the layer − stride, back to front.</summary>
    public double Field { get; init; } = 1;

    /// <summary>The time of windows over these frames.</summary>
    /// <param name="stride">Frames a window advances by.</param>
    /// <param name="last">Place of the last frame of window 0, frames of padding before frame 0 subtracted.</param>
    /// <param name="length">Windows over so many frames.</param>
    /// <param name="reach">Frames from the first to the last of a window.</param>
    public StreamTime Windows(long stride, long last, Func<long, long> length, long reach)
    {
        var of = Length;
        return new(n => length(of(n)), Step * stride, Newest + Step * last) { Field = Field + Step * (reach - 1) };
    }

    /// <summary>The time of results of several wires with frames at the same pace.</summary>
    public StreamTime With(StreamTime other)
    {
        double newest = Math.Max(Newest, other.Newest), oldest = Math.Min(Newest - Field, other.Newest - other.Field);
        return this with { Newest = newest, Field = newest - oldest };
    }
}
