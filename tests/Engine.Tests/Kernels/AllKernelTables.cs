using System.Reflection;
using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Every kernel table of the product, found by reflection: static properties that are a table or a list of tables.</summary>
internal static class AllKernelTables
{
    /// <summary>The tables by stem.</summary>
    public static IReadOnlyList<IKernelTable> List { get; } = [.. (from t in typeof(IKernelTable).Assembly.GetTypes()
                                                                  where !t.ContainsGenericParameters
                                                                  from p in t.GetProperties(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                                                                  from table in Of(p)
                                                                  select table).Distinct().OrderBy(t => t.Stem, StringComparer.Ordinal)];

    private static IEnumerable<IKernelTable> Of(PropertyInfo p) =>
        typeof(IKernelTable).IsAssignableFrom(p.PropertyType) ? [(IKernelTable)p.GetValue(null)!]
        : typeof(IEnumerable<IKernelTable>).IsAssignableFrom(p.PropertyType) ? (IEnumerable<IKernelTable>)p.GetValue(null)!
        : [];
}
