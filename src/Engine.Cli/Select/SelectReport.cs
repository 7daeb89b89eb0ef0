using Engine.Compression;

namespace Engine.Cli;

/// <summary>A part with its latency, predicted and measured.</summary>
internal sealed record MeasuredPart(SubNetwork Part, double Predicted, double Measured);

/// <summary>What <c>engine select</c> prints.</summary>
internal static class SelectReport
{
    private const double Ms = 1e6, Us = 1e3;

    public static Report Make(string path, int threads, double limit, FoundPart found, SubNetwork part, double measured, string unit, double change, (double PerStep, double Constant) overhead, int added, double? otherLoad, IReadOnlyList<MeasuredPart> rows)
    {
        var report = new Report()
            .Add("model", "model", path)
            .Add("threads", "threads", threads)
            .Add("limit_ms", "limit, ms", limit / Ms, "0.####")
            .Add("part", "part", part.ToString())
            .Add("loss", $"loss ({unit})", found.Loss, "0.####")
            .Add("predicted_ms", "predicted, ms", found.Nanoseconds / Ms, "0.####")
            .Add("measured_ms", "measured, ms", measured / Ms, "0.####")
            .Add("method", "method", found.Method)
            .Add("per_step_us", "added a step, µs", overhead.PerStep / Us, "0.###")
            .Add("constant_us", "added a run, µs", overhead.Constant / Us, "0.###")
            .Add("change_ns", "a change of part, ns", change, "0")
            .Add("added", "latencies added to the table", added);
        if (otherLoad is { } percent) report.Add("other_load_percent", "processors busy with other programs, %", percent, "0.0");
        if (rows.Count == 0) return report;
        double[] predicted = [.. rows.Select(r => r.Predicted)], actual = [.. rows.Select(r => r.Measured)];
        var t = new Table(new("part", "part"), new("predicted ms", "predicted_ms", "0.0000"), new("measured ms", "measured_ms", "0.0000"), new("error", "error", "0.0%"));
        foreach (var r in rows) t.Add(r.Part.ToString(), r.Predicted / Ms, r.Measured / Ms, r.Predicted / r.Measured - 1);
        return report.Add("parts", "random parts", rows.Count)
            .Add("mape", "mean error (MAPE)", Agreement.Mape(predicted, actual), "0.0%")
            .Add("spearman", "Spearman", Agreement.Spearman(predicted, actual), "0.000")
            .Add("validation", "Predicted against measured", t);
    }
}
