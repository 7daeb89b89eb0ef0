using System.Text.Json;

namespace Engine.Formats.EngineFiles;

/// <summary>Provenance as JSON: absent values are left out.</summary>
internal static class ProvenanceJson
{
    public static void Write(Utf8JsonWriter json, Provenance p)
    {
        json.WriteStartObject();
        Text("source_sha256", p.SourceSha256);
        Text("calibration_sha256", p.CalibrationSha256);
        Text("latency_table_sha256", p.LatencyTableSha256);
        if (p.Seed is { } seed) json.WriteNumber("seed", seed);
        Text("scheme", p.Scheme);
        json.WriteStartArray("layers");
        foreach (var l in p.Layers)
        {
            json.WriteStartObject();
            Text("layer", l.Layer);
            Text("scheme", l.Scheme);
            Number("error", l.Error);
            Number("drop", l.Drop);
            Text("fallback", l.Fallback);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();

        void Text(string key, string? value)
        {
            if (value is not null) json.WriteString(key, value);
        }

        // What is no number was not measured.
        void Number(string key, double? value)
        {
            if (value is { } v && double.IsFinite(v)) json.WriteNumber(key, v);
        }
    }

    public static Provenance Read(JsonElement e) => new()
    {
        SourceSha256 = Text(e, "source_sha256"),
        CalibrationSha256 = Text(e, "calibration_sha256"),
        LatencyTableSha256 = Text(e, "latency_table_sha256"),
        Seed = e.Find("seed")?.Long("seed"),
        Scheme = Text(e, "scheme"),
        Layers = [.. e.Get("layers").Items("layers").Select(l => new LayerProvenance(l.Get("layer").Text("layer"), l.Get("scheme").Text("scheme"))
        {
            Error = l.Find("error")?.Double("error"),
            Drop = l.Find("drop")?.Double("drop"),
            Fallback = Text(l, "fallback"),
        })],
    };

    private static string? Text(JsonElement e, string key) => e.Find(key)?.Text(key);
}
