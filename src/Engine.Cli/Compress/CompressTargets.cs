using System.Globalization;
using Engine.Compression;

namespace Engine.Cli;

/// <summary>Limits as people write them: <c>size=4MB</c>, <c>latency=5ms</c>, <c>bits=4.5</c>, <c>1%</c>.</summary>
internal static class CompressTargets
{
    private static readonly (string Unit, double Factor)[] s_sizes = [("KiB", 1024), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1), ("", 1)];
    private static readonly (string Unit, double Factor)[] s_times = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

    public static Budget? Budget(string? text)
    {
        if (text is null) return null;
        var parts = text.Split('=', 2);
        return parts switch
        {
            ["size", var v] when Number(v, s_sizes) is { } n => new(BudgetKind.Size, n),
            ["latency", var v] when Number(v, s_times) is { } n => new(BudgetKind.Latency, n),
            ["bits", var v] when Number(v, [("", 1)]) is { } n => new(BudgetKind.Bits, n),
            _ => throw CommandException.Usage($"--target {text}: expected size=4MB, latency=5ms or bits=4.5"),
        };
    }

    /// <summary>A part of one: 0.01, or 1%.</summary>
    public static double? Part(string? text, string option) => text is null ? null : Number(text, [("%", 0.01), ("", 1)]) is { } v and <= 1 ? v : throw CommandException.Usage($"{option} {text}: expected a part such as 1% or 0.01");

    private static double? Number(string text, (string Unit, double Factor)[] units)
    {
        foreach (var (unit, factor) in units)
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase) && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double v) && double.IsFinite(v)) return v * factor;
        return null;
    }
}
