using Engine.Graph;

namespace Engine.Formats;

/// <summary>How a model file is read, whatever its format.</summary>
public record ModelReadOptions
{
    /// <summary>The operators that may occur.</summary>
    public OperatorRegistry Operators { get; init; } = OperatorRegistry.Standard;

    /// <summary>Most bytes that a load may take beside the files it reads; null means their size plus 64 MiB.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>
    /// Files of at least this many bytes are mapped, not read: weights then cost no memory of their own. A mapped file must not be
    /// changed while the model lives; <see cref="long.MaxValue"/> always reads.
    /// </summary>
    public long MapFrom { get; init; } = 4L << 20;

    /// <summary>
    /// Compares everything with the checksums that files give. Without it an engine file's larger sections are compared when they are
    /// first used, and an ONNX model's external data never.
    /// </summary>
    public bool VerifyChecksums { get; init; }
}
