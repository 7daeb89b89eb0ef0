using Engine.Bench;
using Engine.Cli;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests.Bench;

/// <summary>Tests that make all of the process run a tier of theirs: nothing else may run meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TierSelection
{
    public const string Name = "tier selection";
}

/// <summary>The list of kernels that engine-bench measures.</summary>
[Collection(TierSelection.Name)]
public sealed class KernelCasesTests
{
    public static TheoryData<string> Stems => [.. KernelCases.All.Select(f => f.Stem)];

    [Fact]
    public void Stems_are_unique() => Assert.Equal(KernelCases.All.Count, KernelCases.All.Select(f => f.Stem).Distinct().Count());

    [Theory, MemberData(nameof(Stems))]
    public void Shapes_fit_their_axes_and_do_some_work(string stem)
    {
        var family = KernelCases.All.Single(f => f.Stem == stem);
        Assert.All(family.Shapes, s => Assert.True(family.Work(family.Parse(s) ?? throw new FormatException(s)).Bytes > 0));
        Assert.Null(family.Parse("x"));
        Assert.Null(family.Parse(family.Shapes[0] + "x1"));
        Assert.Null(family.Parse(family.Shapes[0].Replace(family.Shapes[0].Split('x')[0], "0", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_kernel_table_is_measured_by_its_name() =>
        Assert.Empty(AllKernelTables.List.Select(t => t.Stem).Except(KernelCases.All.Where(f => f.Tables.Count > 0 && f.Tables[0].Stem == f.Stem).Select(f => f.Stem)));

    // Sizes are cut down; kernels and strides are small already.
    [Theory, MemberData(nameof(Stems))]
    public void Every_tier_computes_the_reference_on_two_threads(string stem)
    {
        var family = KernelCases.All.Single(f => f.Stem == stem);
        int[] dims = [.. family.Parse(family.Shapes[0])!.Select((d, i) => Math.Min(d, 18 + i))];
        using var workers = new Workers(2);
        Tensor? expected = null;
        foreach (string tier in family.Tiers.Reverse())
            try
            {
                family.Select(tier);
                var run = family.Prepare(dims, workers);
                run.Run();
                expected ??= run.Result();
                Assert.Null(ValueComparer.Compare(expected, run.Result(), family.Tolerance, family.Tolerance));
            }
            finally
            {
                family.Select(null);
            }
    }

    private static KernelResult Result(params (string Tier, bool Pick, PairedRatio Ratio)[] tiers) =>
        new(KernelCases.All[0], [1, 2, 3], 1, new(null, 0, 1), LimitKind.L1, 1, [.. tiers.Select(t => new KernelTime(t.Tier, t.Pick ? KernelRole.Pick : KernelRole.Tier, new Samples([100]), t.Ratio))]);

    [Fact]
    public void A_pick_lags_where_the_whole_interval_says_so()
    {
        var one = new PairedRatio(1, 1, 1);
        Assert.Null(Result(("avx512", true, one), ("avx2", false, new(0.97, 0.96, 0.98))).Lag());
        Assert.Null(Result(("avx512", true, one), ("avx2", false, new(0.90, 0.80, 0.96))).Lag());
        string why = Result(("avx512", true, one), ("avx2", false, new(0.50, 0.49, 0.51))).Lag()!;
        Assert.Contains("avx512 takes 2.00 times as long as avx2", why, StringComparison.Ordinal);
        Assert.Contains("1x2x3", why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_runs_the_tier_that_was_selected_until_the_pick_is_back()
    {
        Func<string> fast = () => "fast", slow = () => "slow";
        var table = new KernelTable<Func<string>>("test", new("vector", true, fast), new("scalar", true, slow));
        Assert.Equal("slow", Selected("scalar"));
        Assert.Equal("vector", Tiers.Allowed("vector") ? table.Tier : "vector");
        Assert.Equal(Tiers.Allowed("vector") ? "fast" : "slow", Selected(null));

        string Selected(string? tier)
        {
            table.Select(tier);
            return table.Best();
        }
    }
}
