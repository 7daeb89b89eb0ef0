namespace Engine.Formats.Gguf;

/// <summary>How a GGUF file is read.</summary>
public sealed record GgufReadOptions
{
    /// <summary>Files of at least this many bytes are mapped, not read; a mapped file must not be changed while its tensors live.</summary>
    public long MapFrom { get; init; } = 4L << 20;
}
