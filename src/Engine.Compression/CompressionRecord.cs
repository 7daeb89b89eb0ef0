using System.Text;
using System.Text.Json;

namespace Engine.Compression;

/// <summary>What a compressed model says about how it was made: everything that its bytes depend on, and no times.</summary>
internal static class CompressionRecord
{
    /// <summary>Key of the model's metadata.</summary>
    public const string Key = "engine.compression";

    public static string Json(string sourceSha256, string dataSha256, CompressionOptions options, IReadOnlyList<LayerReport> layers, IReadOnlyList<LayerReport> factored, IReadOnlyList<PrunedChannels> pruned, IReadOnlyList<BinaryLayerReport> signs, DropReport? drop)
    {
        using var m = new MemoryStream();
        using (var w = new Utf8JsonWriter(m))
        {
            w.WriteStartObject();
            w.WriteString("source_sha256", sourceSha256);
            w.WriteString("calibration_sha256", dataSha256);
            w.WriteString("method", options.Method.ToString());
            w.WriteString("range", options.Range.ToString());
            if (options.Range == RangeMethod.Percentile) w.WriteNumber("percentile", options.Percentile);
            w.WriteString("factors_of", options.FactorMethod.ToString());
            w.WriteNumber("dampening", options.Gptq.Dampening);
            w.WriteBoolean("act_order", options.Gptq.ActOrder);
            w.WriteBoolean("bias_correction", options.BiasCorrection);
            w.WriteBoolean("signed_activations", options.SignedActivations);
            w.WriteBoolean("dynamic_activations", options.DynamicActivations);
            w.WriteBoolean("sparse_forms", options.SparseForms);
            w.WriteNumber("seed", options.Seed);
            Target(w, "target", options.Budget);
            if (options.MaxDrop is { } most) w.WriteNumber("max_drop", most);
            if (options.Budget is not null || options.MaxDrop is not null)
            {
                w.WriteStartArray("candidates");
                foreach (var c in options.Candidates) w.WriteStringValue(c.ToString());
                w.WriteEndArray();
            }
            if (options.Prune > 0) w.WriteNumber("prune", Round(options.Prune));
            Target(w, "prune_target", options.PruneWithin);
            if (pruned.Count > 0)
            {
                w.WriteBoolean("reconstructed", options.Reconstruct);
                // Two groups may have one first layer.
                w.WriteStartArray("channels");
                foreach (var g in pruned)
                {
                    w.WriteStartObject();
                    w.WriteString("layer", g.Name);
                    w.WriteNumber("kept", g.After);
                    w.WriteEndObject();
                }
                w.WriteEndArray();
            }
            if (options.Latencies is { } table)
            {
                w.WriteString("latency_table_sha256", table.Sha256());
                w.WriteBoolean("fallback", !options.NoFallback);
            }
            if (drop is not null)
            {
                w.WriteString("drop_kind", drop.Kind);
                w.WriteNumber("drop", Round(drop.Drop));
            }
            if (signs.Count > 0)
            {
                w.WriteStartObject("binary");
                foreach (var l in signs)
                {
                    w.WriteStartObject(l.Name);
                    w.WriteBoolean("tree", l.IsTree);
                    if (l.Differences is { } differences) w.WriteNumber("differences", differences);
                    w.WriteEndObject();
                }
                w.WriteEndObject();
            }
            if (factored.Count > 0) Layers(w, "factors", factored);
            Layers(w, "layers", layers);
            w.WriteEndObject();
        }
        return Encoding.UTF8.GetString(m.ToArray());
    }

    private static void Target(Utf8JsonWriter w, string name, Budget? budget)
    {
        if (budget is null) return;
        w.WriteStartObject(name);
        w.WriteString("kind", budget.Kind.ToString());
        w.WriteNumber("limit", budget.Limit);
        w.WriteEndObject();
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
