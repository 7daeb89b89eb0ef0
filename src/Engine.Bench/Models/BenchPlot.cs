using System.Globalization;
using Engine.Cli;

namespace Engine.Bench;

/// <summary>Measured cases as bars: a group a model and batch, a row a number of threads, a bar an engine.</summary>
internal static class BenchPlot
{
    public static string Svg(IReadOnlyList<BenchCase> cases)
    {
        var groups = cases.GroupBy(c => (c.Name, c.Batch)).Select(g => new BarGroup(
            g.Key.Batch == 1 ? g.Key.Name : $"{g.Key.Name}, batch {g.Key.Batch}",
            [.. g.Select(c => new BarRow(c.Threads == 1 ? "1 thread" : $"{c.Threads} threads", Bars(c)))])).ToList();
        string ratio = cases.FirstOrDefault(c => c.Peers.Count > 0) is { } first ? $"; (×) is our time over {first.Peers[0].Peer}'s, in turn" : "";
        return LatencyPlot.Svg("Latency, median of runs; shorter is better", string.Create(CultureInfo.InvariantCulture, $"{Processor.Name}, {DateTime.UtcNow:yyyy-MM-dd}; bars of a model share a scale{ratio}"), groups);
    }

    // Beside a peer, the runs in turn count: they met the same machine.
    private static List<Bar> Bars(BenchCase c)
    {
        if (c.Peers.Count == 0) return [new Bar("Engine", c.Times.Percentile(50) / 1e6)];
        var first = c.Peers[0];
        return
        [
            new Bar("Engine", first.Ours.Percentile(50) / 1e6, string.Create(CultureInfo.InvariantCulture, $"{first.Ratio.Median:0.00}×")),
            .. c.Peers.Select(p => new Bar($"{p.Peer} {p.Version}", p.Theirs.Percentile(50) / 1e6)),
        ];
    }
}
