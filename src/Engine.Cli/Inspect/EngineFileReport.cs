using System.Globalization;
using Engine.Formats.EngineFiles;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What an engine file says about itself: version, provenance, and its sections.</summary>
internal static class EngineFileReport
{
    public static void Add(Report report, string path, bool details)
    {
        var info = EngineFileReader.Inspect(path);
        var p = info.Provenance;
        report.Add("engine.version", "engine file version", info.Version);
        foreach (var (key, title, value) in ((string, string, object?)[])[
            ("source_sha256", "source SHA-256", p.SourceSha256), ("calibration_sha256", "calibration SHA-256", p.CalibrationSha256),
            ("latency_table_sha256", "latency table SHA-256", p.LatencyTableSha256), ("seed", "seed", p.Seed), ("scheme", "scheme asked for", p.Scheme)])
            if (value is not null) report.Add("provenance." + key, title, value);
        if (p.Layers.Count > 0)
        {
            var t = new Table(new("layer", "layer"), new("scheme", "scheme"), new("error", "error", "0.######"), new("drop", "drop", "0.######"), new("fallback", "fallback"));
            foreach (var l in p.Layers) t.Add(l.Layer, l.Scheme, l.Error, l.Drop, l.Fallback);
            report.Add("provenance_layers", "Provenance of layers", t);
        }
        if (info.Packed.Count > 0) report.Add("packed_sections", "weights stored in kernel layouts", info.Packed.Count).Add("packed_section_bytes", "bytes of them", info.Packed.Sum(w => w.Values.ByteLength));
        if (!details) return;
        if (info.Packed.Count > 0)
        {
            var packed = new Table(new("weight", "weight"), new("layout", "layout"), new("type", "type"), new("bytes", "bytes"), new("section", "section"));
            foreach (var w in info.Packed) packed.Add(w.Weight.ToString(), w.Layout, w.Values.Type.ToString(), w.Values.ByteLength, w.Section);
            report.Add("packed", "Weights in kernel layouts", packed);
        }
        var sections = new Table(new("section", "section"), new("type", "type"), new("stored as", "stored_as"), new("at byte", "start"), new("bytes", "bytes"), new("CRC-32C", "crc32c"));
        foreach (var s in info.Sections) sections.Add(s.Entry.Name, $"{s.DType.Display()}{s.Shape}", s.Entry.Type, s.Entry.Start, s.Entry.Length, s.Crc32C.ToString("x8", CultureInfo.InvariantCulture));
        report.Add("sections", "Sections", sections);
    }
}
