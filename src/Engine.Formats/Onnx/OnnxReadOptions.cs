using Engine.Graph;

namespace Engine.Formats.Onnx;

/// <summary>How an ONNX model is read.</summary>
public sealed record OnnxReadOptions
{
    /// <summary>The operators that may occur.</summary>
    public OperatorRegistry Operators { get; init; } = OperatorRegistry.Standard;

    /// <summary>Most bytes that a load may take beyond the file; null means twice the file plus 64 MiB.</summary>
    public long? MaxMemory { get; init; }
}
