using System.Globalization;
using Engine.Cli;

namespace Engine.Bench;

/// <summary>Now against an earlier run, a row a case.</summary>
/// <param name="baseline">The earlier run.</param>
/// <param name="tolerance">By how much of itself the median may grow.</param>
/// <param name="cases">What was measured now.</param>
internal sealed class BaselineComparison(Baseline baseline, double tolerance, IReadOnlyList<BenchCase> cases)
{
    private readonly List<(string Name, BenchCase Case, BaselineRow? Row)> _rows = [.. cases.Select(c => (c.Name, c, baseline.Find(c.Name, c.Threads, c.Batch)))];

    /// <summary>Cases that grew by more than the tolerance, a line each.</summary>
    public IReadOnlyList<string> Regressions => [.. _rows.Where(r => r.Row is { } b && Ratio(r.Case, b) > 1 + tolerance).Select(r =>
        string.Create(CultureInfo.InvariantCulture, $"{r.Case.Title}: {Ratio(r.Case, r.Row!):0.000} times the baseline's p50, more than {1 + tolerance:0.000}"))];

    /// <summary>Why the numbers may not compare.</summary>
    public IReadOnlyList<string> Warnings => [.. Differences()];

    /// <summary>| model | threads | batch | baseline p50 ms | p50 ms | ratio | verdict |</summary>
    public Table Table()
    {
        var table = new Table(
            new("model", "model"), new("threads", "threads"), new("batch", "batch"), new("baseline p50 ms", "baseline_p50_ms", "0.000"), new("p50 ms", "p50_ms", "0.000"),
            new("ratio", "ratio", "0.000"), new("verdict", "verdict"));
        foreach (var (name, c, row) in _rows)
        {
            double? ratio = row is null ? null : Ratio(c, row);
            string verdict = ratio switch
            {
                null => "not in the baseline",
                { } r when r > 1 + tolerance => "slower",
                { } r when r < 1 / (1 + tolerance) => "faster",
                _ => "same",
            };
            table.Add(name, c.Threads, c.Batch, row?.P50, c.Times.Percentile(50) / 1e6, ratio, verdict);
        }
        return table;
    }

    private IEnumerable<string> Differences()
    {
        if (baseline.Cpu != Processor.Name) yield return $"{baseline.Path} was measured on another cpu: {baseline.Cpu}, here {Processor.Name}.";
        if (baseline.Isa != Processor.Isa) yield return $"{baseline.Path} was measured with other instruction sets: {baseline.Isa}; here {Processor.Isa}.";
        foreach (var name in _rows.Where(r => r.Row is { } b && b.Sha256 != r.Case.Model.Sha256()).Select(r => r.Name).Distinct()) yield return $"{name} is another file than in {baseline.Path}.";
    }

    private static double Ratio(BenchCase c, BaselineRow row) => c.Times.Percentile(50) / 1e6 / row.P50;
}
