namespace Engine.Cli;

internal enum ReportFormat
{
    Md,
    Json,
    Csv,
}

/// <summary>What a command prints: facts, tables and notes in order, as Markdown, JSON or CSV.</summary>
internal sealed class Report
{
    public abstract record Item;

    /// <summary>One value with a name; several in a row form a list.</summary>
    public sealed record Fact(Column Column, object? Value) : Item;

    public sealed record Section(string Key, string Title, Table Table) : Item;

    /// <summary>A sentence for people; in JSON an entry of <c>notes</c>.</summary>
    public sealed record Note(string Text) : Item;

    public List<Item> Items { get; } = [];

    public Report Add(string key, string title, object? value, string? format = null)
    {
        Items.Add(new Fact(new Column(title, key, format), value));
        return this;
    }

    public Report Add(string key, string title, Table table)
    {
        Items.Add(new Section(key, title, table));
        return this;
    }

    public Report AddNote(string text)
    {
        Items.Add(new Note(text));
        return this;
    }

    /// <summary>Writes to a file, or to stdout where <paramref name="path"/> is null.</summary>
    public void Write(ReportFormat format, string? path = null)
    {
        using var text = new StringWriter { NewLine = "\n" };
        Write(text, format);
        if (path is null) Console.Out.Write(text.ToString());
        else File.WriteAllText(path, text.ToString());
    }

    public void Write(Stream to, ReportFormat format)
    {
        using var text = new StreamWriter(to, leaveOpen: true) { NewLine = "\n" };
        Write(text, format);
    }

    public void Write(TextWriter to, ReportFormat format)
    {
        switch (format)
        {
            case ReportFormat.Json: JsonReport.Write(this, to); break;
            case ReportFormat.Csv: CsvReport.Write(this, to); break;
            default: MarkdownReport.Write(this, to); break;
        }
    }
}
