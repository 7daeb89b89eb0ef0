using System.Buffers;

namespace Engine.Cli;

/// <summary>RFC 4180, tables only, an empty line between two; sections of one key in a row are one table.</summary>
internal static class CsvReport
{
    private static readonly SearchValues<char> Special = SearchValues.Create(",\"\r\n");

    public static void Write(Report report, TextWriter to)
    {
        string? last = null;
        foreach (var s in report.Items.OfType<Report.Section>())
        {
            var columns = s.Table.Columns;
            int[] shown = [.. Enumerable.Range(0, columns.Count).Where(i => !columns[i].Hidden.HasFlag(Hide.Csv))];
            if (s.Key != last)
            {
                if (last is not null) to.WriteLine();
                to.WriteLine(string.Join(',', shown.Select(i => Quote(columns[i].Title))));
            }
            last = s.Key;
            foreach (var r in s.Table.Rows) to.WriteLine(string.Join(',', shown.Select(i => Quote(columns[i].Show(r[i])))));
        }
    }

    private static string Quote(string s) => s.AsSpan().ContainsAny(Special) ? $"\"{s.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : s;
}
