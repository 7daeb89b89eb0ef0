using System.Globalization;
using Engine.Compression;

namespace Engine.Cli;

/// <summary>Limits as people write them: <c>size=4MB</c>, <c>latency=5ms</c>, <c>bits=4.5</c>, <c>sparsity=60%</c>, <c>macs=40%</c>, <c>1%</c>.</summary>
internal static class CompressTargets
{
    private static readonly (string Unit, double Factor)[] s_sizes = [("KiB", 1024), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1), ("", 1)];
    private static readonly (string Unit, double Factor)[] s_times = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

    private static readonly (string Unit, double Factor)[] s_parts = [("%", 0.01), ("", 1)];

    // What a budget chooses from where nothing is said: few bits, or zeros in the same codes.
    private static readonly string[] s_bits = ["int3", "int4", "w8", "float"], s_grouped = ["1:4", "2:8", "2:4", "4:8"], s_anywhere = ["sparse:0.95", "sparse:0.9", "sparse:0.8", "sparse:0.7", "sparse:0.6", "sparse:0.5", "sparse:0.3"];

    /// <summary>The schemes named, or those that the target is usually met with.</summary>
    public static IReadOnlyList<Scheme> Candidates(string? text, Budget? target, Scheme scheme)
    {
        if (text is not null) return [.. text.Split(',').Select(Scheme.Parse)];
        if (target is not { Kind: BudgetKind.Weights or BudgetKind.Multiplications }) return [.. s_bits.Select(Scheme.Parse)];
        return [.. (scheme.Sparsity is { IsGrouped: false } ? s_anywhere : s_grouped).Select(s => scheme with { Sparsity = Scheme.Parse(s).Sparsity }), scheme.Dense];
    }

    public static Budget? Budget(string? text)
    {
        if (text is null) return null;
        var parts = text.Split('=', 2);
        return parts switch
        {
            ["size", var v] when Number(v, s_sizes) is { } n => new(BudgetKind.Size, n),
            ["latency", var v] when Number(v, s_times) is { } n => new(BudgetKind.Latency, n),
            ["bits", var v] when Number(v, [("", 1)]) is { } n => new(BudgetKind.Bits, n),
            ["sparsity", var v] when Number(v, s_parts) is { } n and <= 1 => new(BudgetKind.Weights, 1 - n),
            ["macs", var v] when Number(v, s_parts) is { } n and <= 1 => new(BudgetKind.Multiplications, n),
            _ => throw CommandException.Usage($"--target {text}: expected size=4MB, latency=5ms, bits=4.5, sparsity=60% or macs=40%"),
        };
    }

    /// <summary>The target as a limit of what removing channels leaves.</summary>
    public static Budget Channels(Budget? target, Scheme scheme) => target switch
    {
        null or { Kind: BudgetKind.Bits } => throw CommandException.Usage("--scheme prune:auto: give --target size=4MB, latency=5ms, sparsity=60% or macs=40%"),
        { Kind: BudgetKind.Size or BudgetKind.Latency } when !scheme.IsFloat => throw CommandException.Usage($"--scheme prune:auto+{scheme}: --target limits the float network that is left, so that of codes only macs= or sparsity= say something"),
        _ => target,
    };

    /// <summary>A time in nanoseconds: 5ms.</summary>
    public static double Time(string text, string option) => Number(text, s_times) is { } v and > 0 ? v : throw CommandException.Usage($"{option} {text}: expected a time such as 5ms or 300us");

    /// <summary>A part of one: 0.01, or 1%.</summary>
    public static double? Part(string? text, string option) => text is null ? null : Number(text, s_parts) is { } v and <= 1 ? v : throw CommandException.Usage($"{option} {text}: expected a part such as 1% or 0.01");

    private static double? Number(string text, (string Unit, double Factor)[] units)
    {
        foreach (var (unit, factor) in units)
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase) && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double v) && double.IsFinite(v)) return v * factor;
        return null;
    }
}
