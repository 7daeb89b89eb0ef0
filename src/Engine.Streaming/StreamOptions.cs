using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>How a model is made to run on a stream.</summary>
public sealed record StreamOptions
{
    /// <summary>The streamed input; null for the only input that is neither a constant nor a state.</summary>
    public string? Input { get; init; }

    /// <summary>The axis of that input along which time runs; negative counts from the end.</summary>
    public int Axis { get; init; } = -1;

    /// <summary>New samples a hop; 0 for the fewest that all strides divide.</summary>
    public int Hop { get; init; }

    /// <summary>Samples of a window where the model's results are those of windows, each ending with a hop; 0 where they follow the signal.</summary>
    public int Window { get; init; }

    /// <summary>With <see cref="Window"/>: convolutions and pools see each hop as a signal of its own, with padding at both ends; nothing is kept of the hop before but what a window's head reads.</summary>
    public bool Approximate { get; init; }

    /// <summary>
    /// With <see cref="Window"/>: attention without a mask keeps what the frames of a window are to each other and is updated by the new ones, and of what only the newest frame is read only that is
    /// computed (continual inference networks).
    /// </summary>
    public bool Continual { get; init; }

    /// <summary>
    /// With <see cref="Window"/>: a hop may be any number of samples that is not below the fewest that all strides divide. Layers advance by those, and a result is that of the newest window that ends with an
    /// advance: frames of strided layers do not lie in it as in the window that ends with the hop.
    /// </summary>
    public bool Misaligned { get; init; }

    /// <summary>Highest frequency of the signal in cycles a sample: it bounds how far a misaligned stream is off.</summary>
    public double HighestFrequency { get; init; } = 0.5;

    /// <summary>With <see cref="Window"/>: results come from the first hop on, with zeros for what was before the signal; otherwise from the first whole window on.</summary>
    public bool PartialWindows { get; init; }

    /// <summary>Frames that a query of attention sees, its own included, where the model lets it see all before it; 0 refuses such a model. The results are the model's until a signal is longer.</summary>
    public int AttentionWindow { get; init; }

    /// <summary>Shapes of inputs with dimensions that the model leaves open; the streamed axis may hold anything. An open first dimension without a shape is a batch of 1.</summary>
    public IReadOnlyDictionary<string, Shape> Shapes { get; init; } = new Dictionary<string, Shape>();

    /// <summary>Inputs that never change.</summary>
    public IReadOnlyDictionary<string, Tensor> Constants { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>Inputs that hold what an output gave in the hop before, zeros at first: output by input.</summary>
    public IReadOnlyDictionary<string, string> Feedback { get; init; } = new Dictionary<string, string>();
}
