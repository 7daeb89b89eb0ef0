using Engine.Graph;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>A model that runs on a stream: a graph of one hop, what lives from hop to hop, and what its results mean.</summary>
public sealed class StreamPlan
{
    internal StreamPlan() { }

    /// <summary>The graph of one hop. Inputs: the new samples, visible ranges where <see cref="Visible"/> has any, states. Outputs: those of the model, then the states after the hop.</summary>
    public required ModelGraph Graph { get; init; }

    /// <summary>The streamed input within a hop.</summary>
    public required Pulse Input { get; init; }

    /// <summary>New samples a hop.</summary>
    public int Hop => Input.Frames;

    /// <summary>Samples from a window's result to the next: a hop, but in misaligned streams.</summary>
    public int Every => Shifted is null ? Hop : Options.Hop;

    /// <summary>Samples by which a window may lie before the hop's end: 0, but in misaligned streams.</summary>
    public long MostShift => StreamShift.Most(Every, Hop);

    /// <summary>How windows lie where they do not end with hops, else null.</summary>
    internal StreamShift? Shifted { get; init; }

    /// <summary>Values that live from hop to hop, in the order of their inputs.</summary>
    public required IReadOnlyList<StreamState> States { get; init; }

    /// <summary>The input of visible ranges, or null where no operator pads.</summary>
    public required Value? VisibleInput { get; init; }

    /// <summary>Delays whose frames outside the signal are padding, in the order of their rows.</summary>
    public required IReadOnlyList<StreamVisible> Visible { get; init; }

    /// <summary>The model's results.</summary>
    public required IReadOnlyList<StreamOutput> Outputs { get; init; }

    /// <summary>What became of every layer that the stream passes.</summary>
    public required IReadOnlyList<StreamLayer> Layers { get; init; }

    /// <summary>Bytes that live from hop to hop, a stream.</summary>
    public long StateBytes => States.Sum(s => s.Type.Bytes);

    /// <summary>Bytes that delays move a hop.</summary>
    public required long DelayBytes { get; init; }

    /// <summary>The options it was made with, the hop filled in.</summary>
    public required StreamOptions Options { get; init; }

    /// <summary>The same graph for hops of any length: layers whose strides do not divide it are misaligned.</summary>
    internal StreamPlan Misaligned(StreamOptions options)
    {
        var shift = new StreamShift(options.Hop, Hop);
        return new()
        {
            Graph = Graph,
            Input = Input,
            States = States,
            VisibleInput = VisibleInput,
            Visible = Visible,
            DelayBytes = DelayBytes,
            Options = options,
            Shifted = shift,
            Outputs = [.. Outputs.Select(o => o with { Shifted = shift })],
            Layers = [.. Layers.Select(l => StreamShift.Most(options.Hop, l.Step) is > 0 and var n && l.Form == StreamForm.Exact
                ? l with { Form = StreamForm.Misaligned, Bound = StreamShift.Bound(n, options.HighestFrequency), Note = $"shifted by up to {n} samples" } : l)],
        };
    }
}

/// <summary>A value that lives from hop to hop.</summary>
/// <param name="Name">Name of its input.</param>
/// <param name="Type">Its type.</param>
/// <param name="Initial">What it starts with; zeros where null.</param>
/// <param name="Reset">The hop before which it is set to that again; 0 where that is only at the start.</param>
/// <param name="InPlace">True when the new value may be written over the old one.</param>
public sealed record StreamState(string Name, TensorType Type, Tensor? Initial, long Reset, bool InPlace);

/// <summary>A delay whose frames outside the signal are padding.</summary>
/// <param name="Begin">Number of the first frame of the signal.</param>
/// <param name="Frames">New frames a hop.</param>
/// <param name="Total">Frames that the delay gives a hop.</param>
/// <param name="Length">Frames that a signal of so many samples gives.</param>
public sealed record StreamVisible(long Begin, int Frames, long Total, Func<long, long> Length)
{
    /// <summary>The range inside the signal, of <paramref name="samples"/> samples, in hop <paramref name="hop"/>.</summary>
    public (long From, long To) In(long hop, long? samples)
    {
        long at = hop * Frames;
        return (Math.Clamp(Begin - at, 0, Total), samples is { } n ? Math.Clamp(Begin + Length(n) - at, 0, Total) : Total);
    }
}

/// <summary>A result of a model on a stream.</summary>
/// <param name="Name">The model's name of it.</param>
/// <param name="Pulse">Its stream, or null where a hop gives one result of a window or state.</param>
/// <param name="FirstHop">First hop with a result, where it is no stream.</param>
/// <param name="HopDelay">Hops that a result comes later than the last sample of its window, where it is no stream.</param>
public sealed record StreamOutput(string Name, Pulse? Pulse, long FirstHop, long HopDelay)
{
    /// <summary>See <see cref="StreamPlan.Shifted"/>.</summary>
    internal StreamShift? Shifted { get; init; }

    /// <summary>Results that a signal of so many samples gives: frames, or windows.</summary>
    /// <param name="samples">Samples.</param>
    /// <param name="hop">Samples a hop.</param>
    public long Length(long samples, int hop) => Pulse is { } p ? p.Time.Length(samples)
        : Math.Max(0, Shifted is { } s ? s.Results(samples / hop) - s.Results(FirstHop - HopDelay) : samples / hop + HopDelay - FirstHop);

    /// <summary>Number of the result that a hop has for an output that is no stream, or null.</summary>
    internal long? Result(long hop) => hop < FirstHop ? null : Shifted is { } s ? s.Result(hop - HopDelay) : hop - HopDelay;
}

/// <summary>What became of a layer.</summary>
/// <param name="Name">Node name.</param>
/// <param name="Operator">Operator.</param>
/// <param name="Form">How it runs.</param>
/// <param name="Delay">Frames that its result comes later than the model's.</param>
/// <param name="StateBytes">Bytes that it keeps from hop to hop.</param>
/// <param name="Note">Why it runs on windows, or how it deviates; else empty.</param>
public sealed record StreamLayer(string Name, string Operator, StreamForm Form, long Delay, long StateBytes, string Note)
{
    /// <summary>Samples from a frame of its result to the next.</summary>
    public double Step { get; init; } = 1;

    /// <summary>For <see cref="StreamForm.Misaligned"/>: how much the input that it sees may differ from the window's, in amplitudes of a signal of <see cref="StreamOptions.HighestFrequency"/>.</summary>
    public double Bound { get; init; }
}

/// <summary>How a layer runs on a stream.</summary>
public enum StreamForm
{
    /// <summary>Gives what it gives of the whole signal.</summary>
    Exact,
    /// <summary>Sees each hop as a signal of its own, or less of the past than the model: <see cref="StreamLayer.Note"/> says so.</summary>
    Approximate,
    /// <summary>Runs on a whole window every hop.</summary>
    Window,
    /// <summary>Gives what it gives of the window, but for sums that are updated; how far they may be off is bounded.</summary>
    Bounded,
    /// <summary>Gives what it gives of the whole signal, frames shifted in the window by less than their distance.</summary>
    Misaligned,
}
