using Engine.Compression;

namespace Engine.Cli;

/// <summary>What <c>engine compress</c> did: a row a layer, and totals.</summary>
internal static class CompressReport
{
    public static Report Make(CompressionResult r, CompressionOptions options)
    {
        long elements = r.Layers.Sum(l => l.BytesBefore / 4);
        var report = new Report();
        if (r.Pruned.Count > 0)
        {
            var groups = new Table(new("channels", "channels"), new("before", "before"), new("after", "after"));
            foreach (var g in r.Pruned) groups.Add(g.Name, g.Before, g.After);
            report.Add("pruned", "", groups);
        }
        if (r.Pruning is { } parts)
            report.Add("pruned_by", "channels removed", parts.IsAdaptive ? "each group a part of its own" : "the same part of each group")
                .Add("rmse_adaptive", "outputs' relative RMSE, parts of their own", parts.Adaptive.Error.RelativeRmse, "0.00e+0")
                .Add("rmse_uniform", "outputs' relative RMSE, the same part", parts.Uniform?.Error.RelativeRmse, "0.00e+0")
                .Add("uniform_part", "the same part", parts.Uniform is null ? null : parts.UniformPart, "P0");
        if (r.Factored is { } factored) report.Add("factors", "factors, before they were coded", Layers(factored));
        if (r.Binary.Count > 0) report.Add("binary", "layers of signs", BinaryTable.Make(r.Binary));
        report.Add("layers", r.Factored is null && r.Binary.Count == 0 ? "" : "layers", Layers(r))
            .Add("bytes_before", "constants before, bytes", r.BytesBefore)
            .Add("bytes_after", "constants after, bytes", r.BytesAfter)
            .Add("ratio", "smaller by", r.BytesAfter == 0 ? null : (double)r.BytesBefore / r.BytesAfter, "0.00")
            .Add("bits_per_weight", "bits a weight in layers", elements == 0 ? null : 8.0 * r.Layers.Sum(l => l.BytesAfter) / elements, "0.00")
            .Add("fallbacks", "fallbacks", r.Layers.Count(l => l.IsFallback));
        if (r.Latency is { } t) report.Add("model_ms_float", "a run with these layers in float, ms", t.Float / 1e6, "0.000").Add("model_ms", "a run, ms", t.Chosen / 1e6, "0.000");
        if (r.Drop is { } d)
        {
            if (d.FloatAccuracy is not null) report.Add("accuracy_float", "accuracy of float", d.FloatAccuracy, "P2").Add("accuracy", "accuracy", d.Accuracy, "P2");
            report.Add("drop", d.Kind switch { "accuracy" => "accuracy lost", "classes" => "samples whose class changed", _ => "relative RMSE of the outputs" }, d.Drop, d.Kind == "outputs" ? "0.00e+0" : "P2");
            report.Add("drop_kind", "drop is of", d.Kind).Add("output_cosine", "cosine of the outputs", d.Error.Cosine, "0.000000");
        }
        if (r.InSubgraphs.Count > 0) report.Add("subgraph_layers", "layers in branches and loops, left as they are", string.Join(", ", r.InSubgraphs));
        if (r.Inelastic.Count > 0) report.Add("inelastic", "elastic dimensions lost", string.Join(", ", r.Inelastic));
        if (r.Reused > 0) report.Add("resumed_layers", "layers taken from the interrupted run", r.Reused);
        if (options.Latencies is null) report.AddNote("Latencies were not measured (--measure), so that nothing fell back to a faster form.");
        if (!options.SparseForms && r.Layers.Any(l => l.MaskError is not null)) report.AddNote("ONNX has no sparse form: sparse weights are stored with their zeros, which kernels of N:M find when the model is loaded. An .engine file stores what is kept.");
        if (r.Binary.Count > 0) report.AddNote(BinaryTable.Note);
        if (r.Factored is not null) report.AddNote("The layers of the second table are those of the model whose weights are factors; the last of a layer's factors has its name.");
        return report.AddNote("Errors are of a layer's output on calibration rows held out, its inputs being exact; where no inputs are known, of the weight.");
    }

    private static Table Layers(CompressionResult r)
    {
        var table = new Table(new("layer", "layer"), new("op", "op"), new("shape", "shape"), new("scheme", "scheme"), new("asked", "asked"), new("kept", "kept", "0.00"), new("zeros' rmse", "mask_rmse", "0.00e+0"), new("rel rmse", "relative_rmse", "0.00e+0"), new("cos", "cosine", "0.000000"),
            new("KiB before", "kib_before", "0.0"), new("KiB after", "kib_after", "0.0"), new("bits/weight", "bits_per_weight", "0.00"), new("µs", "us", "0.0"), new("dense µs", "dense_us", "0.0"), new("vs dense", "vs_dense", "0.00"),
            new("kernel", "kernel"), new("fallback", "fallback"));
        foreach (var l in r.Layers)
            table.Add(l.Name, l.Kind.ToString(), l.Shape, l.Scheme.ToString(), l.Asked.ToString(), l.Kept, l.MaskError?.RelativeRmse, l.Error.RelativeRmse, l.Error.Cosine, l.BytesBefore / 1024.0, l.BytesAfter / 1024.0, l.BitsPerWeight,
                l.Nanoseconds / 1e3, l.DenseNanoseconds / 1e3, l.Nanoseconds is { } now && l.DenseNanoseconds is { } dense ? (double)dense / now : null, l.Kernel, l.IsFallback);
        return table;
    }
}
