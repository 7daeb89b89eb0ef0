namespace Engine.Cli;

/// <summary>Tables with aligned columns, facts and notes as lists.</summary>
internal static class MarkdownReport
{
    public static void Write(Report report, TextWriter to)
    {
        Report.Item? last = null;
        foreach (var item in report.Items)
        {
            if (last is not null && (item is Report.Section || item.GetType() != last.GetType())) to.WriteLine();
            switch (item)
            {
                case Report.Fact f: to.WriteLine($"- {f.Column.Title}: {f.Column.Show(f.Value)}"); break;
                case Report.Note n: to.WriteLine($"- {n.Text}"); break;
                case Report.Section s:
                    if (s.Title.Length > 0) to.WriteLine($"## {s.Title}\n");
                    WriteTable(s.Table, to);
                    break;
            }
            last = item;
        }
    }

    public static void WriteTable(Table table, TextWriter to)
    {
        int[] shown = [.. Enumerable.Range(0, table.Columns.Count).Where(i => !table.Columns[i].Hidden.HasFlag(Hide.Markdown))];
        string[] titles = [.. shown.Select(i => Escape(table.Columns[i].Title))];
        var rows = table.Rows.ConvertAll(r => Array.ConvertAll(shown, i => Escape(table.Columns[i].Show(r[i]))));
        bool[] right = [.. shown.Select(i => table.Rows.Exists(r => r[i] is not null) && table.Rows.TrueForAll(r => r[i] is null or double or long or int))];
        int[] width = [.. titles.Select((t, c) => Math.Max(3, rows.Aggregate(t.Length, (w, r) => Math.Max(w, r[c].Length))))];
        void Row(string[] cells) => to.WriteLine("| " + string.Join(" | ", cells.Select((c, i) => right[i] ? c.PadLeft(width[i]) : c.PadRight(width[i]))) + " |");
        Row(titles);
        to.WriteLine("|" + string.Join("|", width.Select((w, i) => right[i] ? new string('-', w + 1) + ":" : new string('-', w + 2))) + "|");
        foreach (var r in rows) Row(r);
    }

    private static string Escape(string s) => s.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
