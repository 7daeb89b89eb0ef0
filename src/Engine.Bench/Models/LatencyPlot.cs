using System.Globalization;
using System.Security;
using System.Text;

namespace Engine.Bench;

/// <summary>One bar: who, and how long in milliseconds; <paramref name="Remark"/> stands behind the number.</summary>
internal sealed record Bar(string Engine, double Milliseconds, string Remark = "");

/// <summary>Bars under one label, as of a number of threads.</summary>
internal sealed record BarRow(string Label, IReadOnlyList<Bar> Bars);

/// <summary>Rows of a model, which share a scale.</summary>
internal sealed record BarGroup(string Title, IReadOnlyList<BarRow> Rows);

/// <summary>Latencies as horizontal bars in an SVG that needs nothing else and reads well on light and on dark ground.</summary>
internal static class LatencyPlot
{
    private const int Width = 760, Left = 150, BarWidth = 440, BarHeight = 15, RowGap = 7, GroupGap = 14, Top = 62;

    private const string Style = """
        text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #24292f; }
        .title { font-size: 15px; font-weight: 600; } .group { font-weight: 600; } .soft { fill: #6e7781; } .row { text-anchor: end; }
        .c0 { fill: #2f81f7; } .c1 { fill: #a9b1ba; } .c2 { fill: #d29922; } .c3 { fill: #8957e5; }
        @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .soft { fill: #8d96a0; } .c1 { fill: #6e7681; } }
        """;

    /// <summary>The picture; engines get their colours in order of first appearance, which the legend shows.</summary>
    public static string Svg(string title, string subtitle, IReadOnlyList<BarGroup> groups)
    {
        var engines = groups.SelectMany(g => g.Rows).SelectMany(r => r.Bars).Select(b => b.Engine).Distinct().ToList();
        var body = new StringBuilder();
        int y = Top;
        foreach (var g in groups)
        {
            Text(body, 0, y + 12, "group", g.Title);
            y += 20;
            double longest = g.Rows.SelectMany(r => r.Bars).Max(b => b.Milliseconds);
            foreach (var r in g.Rows)
            {
                Text(body, Left - 10, y + r.Bars.Count * BarHeight / 2 + 4, "row", r.Label);
                foreach (var b in r.Bars)
                {
                    double w = longest > 0 ? Math.Max(1, BarWidth * b.Milliseconds / longest) : 1;
                    body.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left}\" y=\"{y + 1}\" width=\"{w:0.#}\" height=\"{BarHeight - 2}\" rx=\"2\" class=\"c{engines.IndexOf(b.Engine) % 4}\"/>\n");
                    Text(body, (int)(Left + w + 6), y + 12, "value", Time(b.Milliseconds) + (b.Remark.Length > 0 ? $" ({b.Remark})" : ""));
                    y += BarHeight;
                }
                y += RowGap;
            }
            y += GroupGap - RowGap;
        }
        var head = new StringBuilder();
        Text(head, 0, 16, "title", title);
        Text(head, 0, 34, "soft", subtitle);
        int x = 0;
        for (int i = 0; i < engines.Count; i++)
        {
            head.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"43\" width=\"11\" height=\"11\" rx=\"2\" class=\"c{i % 4}\"/>\n");
            Text(head, x + 16, 53, "legend", engines[i]);
            x += 32 + 8 * engines[i].Length;
        }
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -4 {Width + 20} {y + 8}" width="{Width + 20}" height="{y + 8}" role="img" aria-label="{SecurityElement.Escape(title)}">
            <style>{Style}</style>
            {head}{body}</svg>

            """.ReplaceLineEndings("\n");
    }

    /// <summary>Three significant digits, in ms or µs.</summary>
    private static string Time(double milliseconds)
    {
        var (v, unit) = milliseconds >= 1 ? (milliseconds, "ms") : (1000 * milliseconds, "µs");
        return v.ToString(v >= 100 ? "0" : v >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture) + " " + unit;
    }

    private static void Text(StringBuilder to, int x, int y, string kind, string text) =>
        to.Append(CultureInfo.InvariantCulture, $"<text x=\"{x}\" y=\"{y}\" class=\"{kind}\">{SecurityElement.Escape(text)}</text>\n");
}
