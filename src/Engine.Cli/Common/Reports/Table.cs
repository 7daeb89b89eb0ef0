using System.Globalization;

namespace Engine.Cli;

/// <summary>Formats that leave a column out; JSON has all.</summary>
[Flags]
internal enum Hide
{
    Nowhere = 0,
    Markdown = 1,
    Csv = 2,
}

/// <summary>A column: the title people read, the key that JSON uses, and how numbers are shown to people.</summary>
/// <param name="Title">Header in Markdown and CSV.</param>
/// <param name="Key">Property in JSON.</param>
/// <param name="Format">Number format of Markdown and CSV; JSON holds the number itself.</param>
/// <param name="Hidden">Which formats leave it out.</param>
internal sealed record Column(string Title, string Key, string? Format = null, Hide Hidden = Hide.Nowhere)
{
    public string Show(object? cell) => cell switch
    {
        null => "",
        double d when !double.IsFinite(d) => d.ToString(CultureInfo.InvariantCulture),
        bool b => b ? "yes" : "no",
        IFormattable f => f.ToString(Format, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}

/// <summary>Rows of strings, numbers, booleans, nulls and (for JSON) arrays of longs.</summary>
internal sealed class Table(params Column[] columns)
{
    public IReadOnlyList<Column> Columns { get; } = columns;

    public List<object?[]> Rows { get; } = [];

    public void Add(params object?[] cells)
    {
        if (cells.Length != Columns.Count) throw new ArgumentException($"{cells.Length} cells for {Columns.Count} columns");
        Rows.Add(cells);
    }
}
