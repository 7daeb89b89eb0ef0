namespace Engine.Graph;

/// <summary>
/// What may be left out of a network that was trained to work without it: channels, blocks, the rim of a window. Every choice is a part of the one
/// set of weights. docs/formats.md has the form in which models carry it.
/// </summary>
/// <param name="Widths">Groups of channels.</param>
/// <param name="Depths">Stages of blocks.</param>
/// <param name="Kernels">Windows of convolutions.</param>
public sealed record ElasticDimensions(IReadOnlyList<ElasticWidth> Widths, IReadOnlyList<ElasticDepth> Depths, IReadOnlyList<ElasticKernel> Kernels)
{
    /// <summary>The key of a model's metadata that holds the description.</summary>
    public const string Key = "engine.elastic";

    /// <summary>Nothing may be left out.</summary>
    public static ElasticDimensions None { get; } = new([], [], []);

    /// <summary>All dimensions: widths, then depths, then kernels.</summary>
    public IReadOnlyList<ElasticDimension> All => [.. Widths, .. Depths, .. Kernels];
}

/// <summary>One thing to choose.</summary>
/// <param name="Name">What it is called; unique among those of its kind.</param>
/// <param name="Choices">What may be chosen, rising; the last is the whole.</param>
public abstract record ElasticDimension(string Name, IReadOnlyList<int> Choices)
{
    /// <summary>What each choice costs in accuracy when all else is whole, in any unit that adds up; null where it is not known.</summary>
    public IReadOnlyList<double>? Losses { get; init; }

    /// <summary>The choice that leaves nothing out.</summary>
    public int Whole => Choices[^1];

    /// <summary><c>width</c>, <c>depth</c> or <c>kernel</c>.</summary>
    public abstract string Kind { get; }
}

/// <summary>Channels that are cut together: a choice is how many stay, the first ones. Choices are multiples of <see cref="Multiple"/>, except the whole.</summary>
public sealed record ElasticWidth(string Name, IReadOnlyList<int> Choices, IReadOnlyList<ElasticCut> Cuts, IReadOnlyList<ElasticShape> Shapes) : ElasticDimension(Name, Choices)
{
    /// <summary>Channels of a panel of packed weights.</summary>
    public const int Multiple = 16;

    /// <inheritdoc/>
    public override string Kind => "width";
}

/// <summary>An axis of a constant that a group of channels lies on: channel c is entries [offset + c · per, offset + (c + 1) · per).</summary>
/// <param name="Constant">Name of the constant.</param>
/// <param name="Axis">The axis.</param>
/// <param name="Per">Entries a channel.</param>
/// <param name="Offset">Entries before the first channel.</param>
public sealed record ElasticCut(string Constant, int Axis, int Per = 1, int Offset = 0);

/// <summary>A number in a constant of 64-bit integers, as a Reshape reads, that counts entries of a group: each channel left out makes it smaller by <paramref name="Per"/>.</summary>
/// <param name="Constant">Name of the constant.</param>
/// <param name="Entry">Index of the number.</param>
/// <param name="Per">Entries a channel.</param>
public sealed record ElasticShape(string Constant, int Entry, int Per = 1);

/// <summary>Blocks of a stage: a choice is how many run, the first ones. What a block left out gives is what it takes.</summary>
public sealed record ElasticDepth(string Name, IReadOnlyList<int> Choices, IReadOnlyList<ElasticBlock> Blocks) : ElasticDimension(Name, Choices)
{
    /// <inheritdoc/>
    public override string Kind => "depth";
}

/// <summary>A block: from a wire to a wire of the same type.</summary>
/// <param name="Input">Name of the wire it takes.</param>
/// <param name="Output">Name of the wire it gives.</param>
public sealed record ElasticBlock(string Input, string Output);

/// <summary>A convolution's square window: a choice is its extent. A smaller one is the middle of the next larger, times a matrix.</summary>
public sealed record ElasticKernel(string Name, IReadOnlyList<int> Choices, string Constant, IReadOnlyList<KernelTransform> Transforms) : ElasticDimension(Name, Choices)
{
    /// <inheritdoc/>
    public override string Kind => "kernel";
}

/// <summary>From a window of one extent to the next smaller: each filter's middle, flattened, is multiplied by the matrix from the left. Without one the middle stays as it is.</summary>
/// <param name="From">Extent before.</param>
/// <param name="To">Extent after.</param>
/// <param name="Matrix">[taps, taps] of the smaller window, row-major.</param>
public sealed record KernelTransform(int From, int To, IReadOnlyList<float> Matrix);
