using System.Collections.Concurrent;

namespace Engine.Kernels;

/// <summary>The tables made so far: a kernel makes its own when it is first used, so that those of a plan are among them.</summary>
public static class KernelTables
{
    private static readonly ConcurrentDictionary<string, IKernelTable> s_tables = new(StringComparer.Ordinal);

    /// <summary>The tier that a kernel of a plan runs, or null for one that is written once for all.</summary>
    public static string? TierOf(string stem) => s_tables.GetValueOrDefault(stem)?.Tier;

    internal static void Add(IKernelTable table) => s_tables[table.Stem] = table;
}
