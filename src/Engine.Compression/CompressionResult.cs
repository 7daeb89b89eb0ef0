using Engine.Graph;

namespace Engine.Compression;

/// <summary>What became of one layer.</summary>
/// <param name="Name">The layer.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Shape">Shape of the weight as the model stores it.</param>
/// <param name="Scheme">The form it has now.</param>
/// <param name="Asked">The form asked for or chosen, where a fallback took another; else the same.</param>
/// <param name="Error">Error of its output on calibration rows held out, inputs being exact; of the weight where no inputs are known.</param>
/// <param name="BytesBefore">Bytes of the float weight.</param>
/// <param name="BytesAfter">Bytes of the codes with scales.</param>
/// <param name="BitsPerWeight">Bits a weight, scales included.</param>
/// <param name="Nanoseconds">Measured latency of the form it has now; null where none was measured.</param>
/// <param name="DenseNanoseconds">Measured latency of the float layer; null where none was measured.</param>
/// <param name="Kernel">Stem and tier that was measured.</param>
public sealed record LayerReport(string Name, LayerKind Kind, string Shape, Scheme Scheme, Scheme Asked, OutputError Error, long BytesBefore, long BytesAfter, double BitsPerWeight, long? Nanoseconds, long? DenseNanoseconds, string? Kernel)
{
    /// <summary>Part of the weights that is not zero; 1 where the scheme asks for no zeros.</summary>
    public double Kept { get; init; } = 1;

    /// <summary>The error that zeros alone make; null where the scheme asks for none.</summary>
    public OutputError? MaskError { get; init; }

    /// <summary>True where a faster form was taken than the one asked for.</summary>
    public bool IsFallback => Scheme != Asked;
}

/// <summary>How the compressed model's outputs differ on the calibration samples.</summary>
/// <param name="Kind">accuracy, classes or outputs: what is compared.</param>
/// <param name="Drop">Accuracy lost, part of the samples whose class changed, or relative RMSE of the outputs.</param>
/// <param name="FloatAccuracy">Accuracy of the float model, where labels are given.</param>
/// <param name="Accuracy">Accuracy of the compressed model, where labels are given.</param>
/// <param name="Error">Error of the outputs.</param>
public sealed record DropReport(string Kind, double Drop, double? FloatAccuracy, double? Accuracy, OutputError Error);

/// <summary>Measured latencies of whole models, in nanoseconds; null where the table has none.</summary>
/// <param name="Float">The model with its layers in float: pruned or factored, where a pass before did that.</param>
/// <param name="Chosen">The model as it was made.</param>
public sealed record ModelTimes(long? Float, long? Chosen);

/// <summary>A compressed model and what was done.</summary>
/// <param name="Model">The model; constants share memory with the source.</param>
/// <param name="Layers">A row a layer.</param>
/// <param name="Drop">Measured difference; null without samples.</param>
/// <param name="OtherBytes">Bytes of constants that are no layers.</param>
/// <param name="Reused">Results of layers taken from an interrupted run.</param>
public sealed record CompressionResult(ModelDefinition Model, IReadOnlyList<LayerReport> Layers, DropReport? Drop, long OtherBytes, int Reused)
{
    /// <summary>Removes what was kept for resuming; to be called once the model is written.</summary>
    public Action Finish { get; init; } = static () => { };

    /// <summary>The first of two passes, which made the factors that this one coded; null where there was one pass.</summary>
    public CompressionResult? Factored { get; init; }

    /// <summary>Hash of the calibration samples, in lower-case hex.</summary>
    public string CalibrationSha256 { get; init; } = "";

    /// <summary>Channels that were removed first; layers then have what is left.</summary>
    public IReadOnlyList<PrunedChannels> Pruned { get; init; } = [];

    /// <summary>How the channels to remove were chosen; null where one part was given, or none.</summary>
    public PruningChoice? Pruning { get; init; }

    /// <summary>Layers of signs, which are none of <see cref="Layers"/>; empty where they were not asked for.</summary>
    public IReadOnlyList<BinaryLayerReport> Binary { get; init; } = [];

    /// <summary>Nodes with float weights in branches and loop bodies, by name: they stay as they are.</summary>
    public IReadOnlyList<string> InSubgraphs { get; init; } = [];

    /// <summary>Elastic dimensions that the model had and the compressed one has not: what they cut is not there any more, or the file has no name for it.</summary>
    public IReadOnlyList<string> Inelastic { get; init; } = [];

    /// <summary>Latency of the model on the first sample; null without a latency table.</summary>
    public ModelTimes? Latency { get; init; }

    /// <summary>Bytes of constants before.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of constants after.</summary>
    public long BytesAfter => Layers.Sum(l => l.BytesAfter) + OtherBytes;
}
