using Engine.Compression;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;

namespace Engine.Cli;

/// <summary>Writes a compressed model in the format that its name asks for.</summary>
internal static class ModelOutput
{
    public static bool IsKnown(string path) => IsEngine(path) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    public static void Write(CompressionResult result, CompressionOptions options, string sourceSha256, string path)
    {
        if (!IsEngine(path))
        {
            OnnxModelWriter.Write(result.Model, path);
            return;
        }
        EngineFileWriter.Write(result.Model, path, new Provenance
        {
            SourceSha256 = sourceSha256,
            CalibrationSha256 = result.CalibrationSha256,
            LatencyTableSha256 = options.Latencies?.Sha256(),
            Seed = (long)options.Seed,
            Scheme = options.Scheme.ToString(),
            Layers = [.. (result.Factored?.Layers ?? []).Concat(result.Layers).Where(l => !l.Scheme.IsFloat || l.IsFallback).Select(l => new LayerProvenance(l.Name, l.Scheme.ToString())
            {
                Error = l.Error.RelativeRmse,
                Fallback = l.IsFallback ? $"{l.Asked} measures slower than float" : null,
            })],
        });
    }

    private static bool IsEngine(string path) => path.EndsWith(".engine", StringComparison.OrdinalIgnoreCase);
}
