using System.Reflection;
using Engine.Kernels;
using Xunit.Abstractions;

namespace Engine.Tests.Habits;

/// <summary>Which variant of every kernel runs on this machine, with these settings.</summary>
public sealed class TierReport(ITestOutputHelper output)
{
    private static readonly IReadOnlyList<IKernelTable> s_tables = [.. from t in typeof(IKernelTable).Assembly.GetTypes()
                                                                        from p in t.GetProperties(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                                                                        where typeof(IKernelTable).IsAssignableFrom(p.PropertyType) && !t.ContainsGenericParameters
                                                                        let table = (IKernelTable)p.GetValue(null)!
                                                                        orderby table.Stem
                                                                        select table];

    [Fact]
    public void Every_kernel_runs_its_best_allowed_tier()
    {
        Assert.NotEmpty(s_tables);
        string report = string.Join('\n', s_tables.Select(t => $"  {t.Stem,-24} {t.Tier,-8} of {string.Join(", ", t.SupportedTiers)}"));
        output.WriteLine(report);
        if (Environment.GetEnvironmentVariable("ENGINE_TIER_REPORT") is { Length: > 0 } file) File.WriteAllText(file, report + "\n");
        Assert.All(s_tables, t => Assert.Equal(t.SupportedTiers.First(Tiers.Allowed), t.Tier));
        Assert.All(s_tables, t => Assert.Equal("scalar", t.SupportedTiers.Last()));
    }

    [Fact]
    public void Stems_are_unique() => Assert.Equal(s_tables.Count, s_tables.Select(t => t.Stem).Distinct().Count());
}
