using Engine.Graph;

namespace Engine.Formats.Onnx;

/// <summary>How an ONNX model is read.</summary>
public sealed record OnnxReadOptions
{
    /// <summary>The operators that may occur.</summary>
    public OperatorRegistry Operators { get; init; } = OperatorRegistry.Standard;

    /// <summary>Most bytes that a load may take beside the files it reads; null means their size plus 64 MiB.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>
    /// Files of at least this many bytes are mapped, not read: weights then cost no memory of their own. A mapped file must not be
    /// changed while the model lives; <see cref="long.MaxValue"/> always reads.
    /// </summary>
    public long MapFrom { get; init; } = 16L << 20;

    /// <summary>Folder of external data; null means that of the model's file, and for a model without a file none.</summary>
    public string? ExternalDataFolder { get; init; }

    /// <summary>Lets external data be a symbolic link, or a file with several names, as package caches store them.</summary>
    public bool AllowLinkedExternalData { get; init; }

    /// <summary>Compares external data with the checksums the model gives.</summary>
    public bool VerifyChecksums { get; init; }
}
