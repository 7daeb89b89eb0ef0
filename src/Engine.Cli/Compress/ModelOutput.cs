using Engine.Compression;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Writes a compressed model in the format that its name asks for.</summary>
internal static class ModelOutput
{
    public static bool IsKnown(string path) => IsEngine(path) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes the model; an engine file also with weights in the layouts that a run on <paramref name="packFor"/> reads, where there are any.</summary>
    public static void Write(CompressionResult result, CompressionOptions options, string sourceSha256, string path, IReadOnlyDictionary<string, RuntimeValue>? packFor, CancellationToken cancellation)
    {
        if (!IsEngine(path))
        {
            OnnxModelWriter.Write(result.Model, path);
            return;
        }
        var provenance = new Provenance
        {
            SourceSha256 = sourceSha256,
            CalibrationSha256 = result.CalibrationSha256,
            LatencyTableSha256 = options.Latencies?.Sha256(),
            Seed = (long)options.Seed,
            Scheme = options.Notation,
            Layers = [.. result.Binary.Select(l => new LayerProvenance(l.Name, l.IsTree ? "binary tree" : "binary") { Fallback = l.IsTree || l.Reason.Length == 0 ? null : l.Reason }), .. (result.Factored?.Layers ?? []).Concat(result.Layers).Where(l => !l.Scheme.IsFloat || l.IsFallback).Select(l => new LayerProvenance(l.Name, l.Scheme.ToString())
            {
                Error = l.Error.RelativeRmse,
                Fallback = l.IsFallback ? $"{l.Asked} measures slower than float" : null,
            })],
        };
        if (packFor is null) EngineFileWriter.Write(result.Model, path, provenance);
        else PackedOutput.Write(result.Model, path, provenance, _ => packFor, cancellation);
    }

    public static bool IsEngine(string path) => path.EndsWith(".engine", StringComparison.OrdinalIgnoreCase);
}
