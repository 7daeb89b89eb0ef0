using Engine.Kernels;
using Xunit.Abstractions;

namespace Engine.Tests.Habits;

/// <summary>Which variant of every kernel runs on this machine, with these settings.</summary>
public sealed class TierReport(ITestOutputHelper output)
{
    [Fact]
    public void Every_kernel_runs_its_best_allowed_tier()
    {
        Assert.NotEmpty(AllKernelTables.List);
        string report = string.Join('\n', AllKernelTables.List.Select(t => $"  {t.Stem,-24} {t.Tier,-10} of {string.Join(", ", t.SupportedTiers)}"));
        output.WriteLine(report);
        if (Environment.GetEnvironmentVariable("ENGINE_TIER_REPORT") is { Length: > 0 } file) File.WriteAllText(file, report + "\n");
        Assert.All(AllKernelTables.List, t => Assert.Equal(t.SupportedTiers.FirstOrDefault(s => s == Tiers.Forced) ?? t.SupportedTiers.First(Tiers.Allowed), t.Tier));
        Assert.All(AllKernelTables.List, t => Assert.Equal("scalar", t.SupportedTiers.Last()));
    }

    [Fact]
    public void Stems_are_unique() => Assert.Equal(AllKernelTables.List.Count, AllKernelTables.List.Select(t => t.Stem).Distinct().Count());
}
