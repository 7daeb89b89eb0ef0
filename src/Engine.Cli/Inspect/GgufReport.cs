using System.Globalization;
using Engine.Formats.Gguf;

namespace Engine.Cli;

/// <summary>The metadata and tensors of a GGUF file.</summary>
internal static class GgufReport
{
    public static Report Make(string path)
    {
        var file = GgufFile.Open(path);
        var report = new Report().Add("file", "file", path).Add("bytes", "file bytes", file.Length).Add("version", "GGUF version", file.Version).Add("tensors", "tensors", file.Tensors.Count);
        foreach (var (k, v) in file.Metadata) report.Add("metadata." + k, k, Text(v));
        var t = new Table(new("tensor", "tensor"), new("type", "type"), new("shape", "shape"), new("scheme", "scheme"), new("bytes", "bytes"), new("bits/parameter", "bits_per_parameter", "0.##"));
        foreach (var x in file.Tensors) t.Add(x.Name, x.Type.ToString(), x.Shape.ToString(), x.Scheme ?? "not read", x.Bytes, x.Shape.Elements == 0 ? null : 8.0 * x.Bytes / x.Shape.Elements);
        return report.Add("weights", "Weights", t);
    }

    private static string Text(object value) => value switch
    {
        string s => s.ReplaceLineEndings(" "),
        Array a => string.Create(CultureInfo.InvariantCulture, $"{a.Length} × {a.GetType().GetElementType()!.Name}"),
        IReadOnlyList<string> s => string.Create(CultureInfo.InvariantCulture, $"{s.Count} × String"),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
