using Engine.Tensors;

namespace Engine.Compression;

/// <summary>How weights are rounded.</summary>
public enum RoundingMethod
{
    /// <summary>Each to the nearest code.</summary>
    Nearest,
    /// <summary>Errors made up for by weights still to be rounded; needs calibration samples.</summary>
    Gptq,
}

/// <summary>What a budget limits.</summary>
public enum BudgetKind
{
    /// <summary>Bytes of the constants.</summary>
    Size,
    /// <summary>Nanoseconds of a run, after the latency table.</summary>
    Latency,
    /// <summary>Bits a weight on average, over all layers.</summary>
    Bits,
    /// <summary>Part of the weights of all layers that is not zero.</summary>
    Weights,
    /// <summary>Part of the multiplications of all products that is not by zero; needs samples, which show how often each weight is used.</summary>
    Multiplications,
}

/// <summary>A limit that schemes are chosen for.</summary>
/// <param name="Kind">What is limited.</param>
/// <param name="Limit">Bytes, nanoseconds, bits, or a part.</param>
public sealed record Budget(BudgetKind Kind, double Limit);

/// <summary>Samples that calibrate and judge a compression.</summary>
/// <param name="Inputs">Inputs by name, an entry a sample.</param>
/// <param name="Labels">The class of each sample, or nothing.</param>
public sealed record CalibrationData(IReadOnlyList<IReadOnlyDictionary<string, RuntimeValue>> Inputs, IReadOnlyList<int> Labels)
{
    /// <summary>No samples.</summary>
    public static CalibrationData None { get; } = new([], []);
}

/// <summary>How a model is compressed.</summary>
public sealed record CompressionOptions
{
    /// <summary>The scheme of every layer that the policy does not name; with a budget the smallest one allowed.</summary>
    public Scheme Scheme { get; init; } = Scheme.Int8;

    /// <summary>
    /// Layers of signs by signs are stored as bits, or as trees over their output channels where those run faster; they are no layers for schemes then. Their channels are not removed.
    /// </summary>
    public bool Binary { get; init; }

    /// <summary>Part of the channels of each group of wires that is removed before anything else; 0 removes none.</summary>
    public double Prune { get; init; }

    /// <summary>
    /// Removes channels before anything else, of each group as many as its measured error and this limit say: bytes of the f32 constants left, a part of the weights or multiplications, or nanoseconds of
    /// a run of the float network that is left. Null for <see cref="Prune"/>.
    /// </summary>
    public Budget? PruneWithin { get; init; }

    /// <summary>Makes up for removed channels in the layers that read them: by samples where there are some, else by the weights alone.</summary>
    public bool Reconstruct { get; init; } = true;

    /// <summary>Schemes layer by layer.</summary>
    public Policy Policy { get; init; } = new();

    /// <summary>Schemes that a budget, or a limit of the drop, chooses from beside the scheme itself.</summary>
    public IReadOnlyList<Scheme> Candidates { get; init; } = [];

    /// <summary>Chooses schemes so that the sum of errors is least within a limit; null takes the scheme everywhere.</summary>
    public Budget? Budget { get; init; }

    /// <summary>Largest drop allowed, 0.01 being a point of accuracy: layers are given more bits until it holds. Null for no limit.</summary>
    public double? MaxDrop { get; init; }

    /// <summary>How weights are rounded.</summary>
    public RoundingMethod Method { get; init; } = RoundingMethod.Gptq;

    /// <summary>What factors are chosen for; without samples the weight itself.</summary>
    public FactorMethod FactorMethod { get; init; } = FactorMethod.Outputs;

    /// <summary>Options of error compensation.</summary>
    public GptqOptions Gptq { get; init; } = new();

    /// <summary>How ranges of activations are found.</summary>
    public RangeMethod Range { get; init; } = RangeMethod.Mse;

    /// <summary>Part of the values that a percentile range holds, in percent.</summary>
    public double Percentile { get; init; } = 99.99;

    /// <summary>Activations of static layers are i8 around zero instead of u8 with a zero point.</summary>
    public bool SignedActivations { get; init; }

    /// <summary>Biases make up for the mean error of outputs.</summary>
    public bool BiasCorrection { get; init; } = true;

    /// <summary>Lets products with grouped codes round their activations to 8 bits at run time (MatMulNBits accuracy_level 4).</summary>
    public bool DynamicActivations { get; init; }

    /// <summary>Sparse weights are stored in sparse forms; false stores them with their zeros, for formats that have no other form.</summary>
    public bool SparseForms { get; init; } = true;

    /// <summary>Measured latencies; a layer whose codes run slower than the float layer falls back to a faster form.</summary>
    public LatencyTable? Latencies { get; init; }

    /// <summary>Measures what <see cref="Latencies"/> lacks, before anything is chosen.</summary>
    public bool Measure { get; init; }

    /// <summary>Keeps schemes that measure slower than float.</summary>
    public bool NoFallback { get; init; }

    /// <summary>Seeds the choice of calibration rows.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Folder for results of layers; null keeps none.</summary>
    public string? WorkFolder { get; init; }

    /// <summary>Takes results that an interrupted run of the same job left in the work folder.</summary>
    public bool Resume { get; init; }

    /// <summary>Called with the name of each step.</summary>
    public Action<string> Progress { get; init; } = static _ => { };

    /// <summary>True where some factors are to be coded, which takes a second pass over what the first one made.</summary>
    internal bool CodesFactors => Policy.Schemes.Append(Scheme).Concat(Candidates).Any(s => s.Factors is not null && !s.Codes.IsFloat);

    /// <summary>The first of two passes: factors as asked for, all else as it is.</summary>
    internal CompressionOptions FirstPass => Select(s => Scheme.Float with { Factors = s.Factors }) with { Budget = null, MaxDrop = null, Candidates = [], WorkFolder = WorkFolder is null ? null : WorkFolder + ".factors" };

    /// <summary>The second of two passes: codes.</summary>
    internal CompressionOptions SecondPass => Select(s => s.Codes) with { Binary = false };

    /// <summary>The notation of what is done to layers that no policy names.</summary>
    public string Notation => !Binary ? Scheme.ToString() : Scheme.IsFloat ? Recipe.Binary : $"{Recipe.Binary}+{Scheme}";

    private CompressionOptions Select(Func<Scheme, Scheme> map) => this with { Scheme = map(Scheme), Policy = Policy.Select(map), Candidates = [.. Candidates.Select(map).Distinct()] };
}
