using System.Globalization;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Arguments of the form NAME=FILE and NAME:1x3x224x224.</summary>
internal static class NamedValue
{
    /// <summary>NAME=FILE pairs, names unique. Without '=' the name is null: the one input or output is meant.</summary>
    public static IReadOnlyList<(string? Name, string File)> Files(IEnumerable<string>? arguments, string option)
    {
        var list = new List<(string? Name, string File)>();
        foreach (var a in arguments ?? [])
        {
            int at = a.IndexOf('=', StringComparison.Ordinal);
            string? name = at < 0 ? null : a[..at];
            string file = a[(at + 1)..];
            if (name is "" || file.Length == 0) throw CommandException.Usage($"{option} {a}: expected NAME=FILE");
            if (list.Any(x => x.Name == name)) throw CommandException.Usage($"{option} {a}: {(name is null ? "only one file may go without a name" : $"'{name}' is given twice")}");
            list.Add((name, file));
        }
        return list;
    }

    /// <summary>NAME:1x3x224x224 pairs; NAME: alone is a scalar.</summary>
    public static IReadOnlyDictionary<string, Shape> Shapes(IEnumerable<string>? arguments)
    {
        var map = new Dictionary<string, Shape>();
        foreach (var a in arguments ?? [])
        {
            int at = a.LastIndexOf(':');
            if (at <= 0) throw CommandException.Usage($"--shape {a}: expected NAME:1x3x224x224");
            if (!map.TryAdd(a[..at], Dims(a[(at + 1)..], a))) throw CommandException.Usage($"--shape {a}: '{a[..at]}' is given twice");
        }
        return map;
    }

    /// <summary>Numbers separated by commas.</summary>
    public static double[] Numbers(string? text, string option)
    {
        if (string.IsNullOrWhiteSpace(text)) return [];
        return Array.ConvertAll(text.Split(','), s => double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && double.IsFinite(v) ? v : throw CommandException.Usage($"{option} {text}: '{s}' is no number"));
    }

    /// <summary>Positive integers separated by commas.</summary>
    public static int[] Counts(string text, string option) =>
        Array.ConvertAll(text.Split(','), s => int.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out int v) && v > 0 ? v : throw CommandException.Usage($"{option} {text}: '{s}' is no positive integer"));

    /// <summary>WIDTHxHEIGHT.</summary>
    public static (int Width, int Height)? Size(string? text, string option)
    {
        if (text is null) return null;
        var d = text.Split('x');
        if (d.Length == 2 && int.TryParse(d[0], NumberStyles.None, CultureInfo.InvariantCulture, out int w) && int.TryParse(d[1], NumberStyles.None, CultureInfo.InvariantCulture, out int h) && w > 0 && h > 0) return (w, h);
        throw CommandException.Usage($"{option} {text}: expected WIDTHxHEIGHT");
    }

    private static Shape Dims(string text, string argument)
    {
        if (text.Length == 0) return Shape.Scalar;
        var dims = Array.ConvertAll(text.Split('x', ','), s => long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out long v) ? v : throw CommandException.Usage($"--shape {argument}: '{s}' is no dimension"));
        try
        {
            return new Shape(dims);
        }
        catch (SizeOverflowException e)
        {
            throw new CommandException(ExitCode.Usage, $"--shape {argument}: {e.Message}", e);
        }
    }
}
