namespace Engine.Formats.Onnx;

/// <summary>How an ONNX model is read.</summary>
public sealed record OnnxReadOptions : ModelReadOptions
{
    /// <summary>Folder of external data; null means that of the model's file, and for a model without a file none.</summary>
    public string? ExternalDataFolder { get; init; }

    /// <summary>Lets external data be a symbolic link, or a file with several names, as package caches store them.</summary>
    public bool AllowLinkedExternalData { get; init; }
}
