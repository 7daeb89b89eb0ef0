using System.Text;
using System.Text.Json;

namespace Engine.Compression;

/// <summary>What a compressed model says about how it was made: everything that its bytes depend on, and no times.</summary>
internal static class CompressionRecord
{
    /// <summary>Key of the model's metadata.</summary>
    public const string Key = "engine.compression";

    public static string Json(string sourceSha256, string dataSha256, CompressionOptions options, IReadOnlyList<LayerReport> layers, IReadOnlyList<LayerReport> factored, DropReport? drop)
    {
        using var m = new MemoryStream();
        using (var w = new Utf8JsonWriter(m))
        {
            w.WriteStartObject();
            w.WriteString("source_sha256", sourceSha256);
            w.WriteString("calibration_sha256", dataSha256);
            w.WriteString("method", options.Method.ToString());
            w.WriteString("range", options.Range.ToString());
            w.WriteNumber("seed", options.Seed);
            if (options.Prune > 0) w.WriteNumber("prune", Round(options.Prune));
            if (options.Latencies is { } table) w.WriteString("latency_table_sha256", table.Sha256());
            if (drop is not null)
            {
                w.WriteString("drop_kind", drop.Kind);
                w.WriteNumber("drop", Round(drop.Drop));
            }
            if (factored.Count > 0) Layers(w, "factors", factored);
            Layers(w, "layers", layers);
            w.WriteEndObject();
        }
        return Encoding.UTF8.GetString(m.ToArray());
    }

    private static void Layers(Utf8JsonWriter w, string name, IReadOnlyList<LayerReport> layers)
    {
        w.WriteStartObject(name);
        foreach (var l in layers)
        {
            w.WriteStartObject(l.Name);
            w.WriteString("scheme", l.Scheme.ToString());
            w.WriteNumber("relative_rmse", Round(l.Error.RelativeRmse));
            if (l.MaskError is not null) w.WriteNumber("kept", Round(l.Kept));
            w.WriteEndObject();
        }
        w.WriteEndObject();
    }

    // Enough digits to read; not so many that they say more than they know.
    private static double Round(double v) => v == 0 || !double.IsFinite(v) ? 0 : double.Parse(v.ToString("G4", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);
}
