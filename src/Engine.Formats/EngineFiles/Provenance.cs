namespace Engine.Formats.EngineFiles;

/// <summary>What was done to a layer, and what it cost.</summary>
/// <param name="Layer">Name of the node.</param>
/// <param name="Scheme">The weight's form, as in <c>Quantized(4, g32)</c>.</param>
public sealed record LayerProvenance(string Layer, string Scheme)
{
    /// <summary>Relative error of the layer's output on the calibration data, or null where not measured.</summary>
    public double? Error { get; init; }

    /// <summary>Drop of the model's quality through this layer alone, in the unit of the measurement, or null where not measured.</summary>
    public double? Drop { get; init; }

    /// <summary>Why the scheme is not the one asked for, or null.</summary>
    public string? Fallback { get; init; }
}

/// <summary>
/// Where a compressed model comes from: enough to make the same bytes again. Times and dates are never part of it.
/// </summary>
public sealed record Provenance
{
    /// <summary>SHA-256 of the model that was compressed, lower-case hex, or null.</summary>
    public string? SourceSha256 { get; init; }

    /// <summary>SHA-256 of the calibration data, lower-case hex, or null.</summary>
    public string? CalibrationSha256 { get; init; }

    /// <summary>SHA-256 of the table of measured latencies that choices were made with, lower-case hex, or null.</summary>
    public string? LatencyTableSha256 { get; init; }

    /// <summary>Seed of random choices, or null.</summary>
    public long? Seed { get; init; }

    /// <summary>The scheme asked for, or null.</summary>
    public string? Scheme { get; init; }

    /// <summary>The layers that were changed.</summary>
    public IReadOnlyList<LayerProvenance> Layers { get; init; } = [];
}
