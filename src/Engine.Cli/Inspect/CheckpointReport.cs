using Engine.Formats.Checkpoints;
using Engine.Formats.Safetensors;

namespace Engine.Cli;

/// <summary>The weights of a safetensors file without a graph.</summary>
internal static class CheckpointReport
{
    public static Report Make(string path)
    {
        var file = SafetensorsFile.Open(path);
        var weights = Checkpoint.Of(file);
        var report = new Report().Add("file", "file", path).Add("bytes", "file bytes", file.Length).Add("tensors", "tensors", file.Entries.Count);
        foreach (var (k, v) in file.Metadata) report.Add("metadata." + k, k, v.ReplaceLineEndings(" "));
        var t = new Table(new("weight", "weight"), new("layout", "layout"), new("shape", "shape"), new("scheme", "scheme"), new("bytes", "bytes"), new("bits/parameter", "bits_per_parameter", "0.##"));
        foreach (string name in weights.Names)
        {
            if (weights.LayoutOf(name) == "plain" && file.Find(name) is { } e)
            {
                t.Add(name, "plain", e.Shape.ToString(), e.Type, e.Length, e.Shape.Elements == 0 ? null : 8.0 * e.Length / e.Shape.Elements);
                continue;
            }
            var w = weights.Read(name);
            t.Add(name, weights.LayoutOf(name), w.Shape.ToString(), w.Describe(), w.StoredBytes, w.Shape.Elements == 0 ? null : 8.0 * w.StoredBytes / w.Shape.Elements);
        }
        return report.Add("weights", "Weights", t);
    }
}
