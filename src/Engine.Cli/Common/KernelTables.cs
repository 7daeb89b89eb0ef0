using System.Reflection;
using Engine.Kernels;

namespace Engine.Cli;

/// <summary>Every kernel table of the product, found by reflection: static properties that are a table or a list of tables.</summary>
internal static class KernelTables
{
    /// <summary>The tables by stem.</summary>
    public static IReadOnlyList<IKernelTable> All { get; } = [.. (from t in typeof(IKernelTable).Assembly.GetTypes()
                                                                  where !t.ContainsGenericParameters
                                                                  from p in t.GetProperties(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                                                                  from table in Of(p)
                                                                  select table).Distinct().OrderBy(t => t.Stem, StringComparer.Ordinal)];

    /// <summary>The tier that a kernel of a plan runs, or null for one that is written once for all.</summary>
    public static string? TierOf(string stem) => All.FirstOrDefault(t => t.Stem == stem)?.Tier;

    private static IEnumerable<IKernelTable> Of(PropertyInfo p) =>
        typeof(IKernelTable).IsAssignableFrom(p.PropertyType) ? [(IKernelTable)p.GetValue(null)!]
        : typeof(IEnumerable<IKernelTable>).IsAssignableFrom(p.PropertyType) ? (IEnumerable<IKernelTable>)p.GetValue(null)!
        : [];
}
