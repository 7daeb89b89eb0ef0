using System.Buffers;

namespace Engine.Cli;

/// <summary>RFC 4180, tables only, an empty line between two.</summary>
internal static class CsvReport
{
    private static readonly SearchValues<char> Special = SearchValues.Create(",\"\r\n");

    public static void Write(Report report, TextWriter to)
    {
        bool first = true;
        foreach (var table in report.Items.OfType<Report.Section>().Select(s => s.Table))
        {
            if (!first) to.WriteLine();
            first = false;
            int[] shown = [.. Enumerable.Range(0, table.Columns.Count).Where(i => !table.Columns[i].JsonOnly)];
            to.WriteLine(string.Join(',', shown.Select(i => Quote(table.Columns[i].Title))));
            foreach (var r in table.Rows) to.WriteLine(string.Join(',', shown.Select(i => Quote(table.Columns[i].Show(r[i])))));
        }
    }

    private static string Quote(string s) => s.AsSpan().ContainsAny(Special) ? $"\"{s.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : s;
}
