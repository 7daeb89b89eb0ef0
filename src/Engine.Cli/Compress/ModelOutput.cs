using Engine.Compression;
using Engine.Formats.Onnx;

namespace Engine.Cli;

/// <summary>Writes a compressed model in the format that its name asks for.</summary>
internal static class ModelOutput
{
    public static bool IsKnown(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    public static void Write(CompressionResult result, CompressionOptions options, string sourceSha256, string path) => OnnxModelWriter.Write(result.Model, path);
}
