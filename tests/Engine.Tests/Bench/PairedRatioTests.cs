using Engine.Bench;

namespace Engine.Tests.Bench;

public sealed class PairedRatioTests
{
    [Fact]
    public void Equal_ratios_leave_no_doubt() => Assert.Equal(new PairedRatio(0.8, 0.8, 0.8), PairedRatio.Of([0.8, 0.8, 0.8]));

    [Fact]
    public void The_median_of_an_even_number_lies_between()
    {
        var r = PairedRatio.Of([1, 2, 3, 100]);
        Assert.Equal(2.5, r.Median);
        Assert.InRange(r.Low, 1, 2.5);
        Assert.InRange(r.High, 2.5, 100);
    }

    [Fact]
    public void The_same_ratios_give_the_same_interval()
    {
        double[] ratios = Draw(50, 7);
        Assert.Equal(PairedRatio.Of(ratios), PairedRatio.Of(ratios));
    }

    [Fact]
    public void An_outlier_moves_the_interval_little()
    {
        double[] ratios = Draw(60, 8);
        ratios[3] = 50;
        var r = PairedRatio.Of(ratios);
        Assert.InRange(r.Low, 0.9, 1);
        Assert.InRange(r.High, 1, 1.1);
    }

    [Fact]
    public void The_interval_covers_the_true_median_about_as_often_as_it_says()
    {
        int covered = Enumerable.Range(0, 200).Count(seed => PairedRatio.Of(Draw(40, 1000 + seed)) is var r && r.Low <= 1 && 1 <= r.High);
        Assert.InRange(covered, 180, 200);
    }

    [Fact]
    public void Is_shown_with_its_interval() => Assert.Equal("0.970 (0.950–1.001)", new PairedRatio(0.97, 0.95, 1.001).ToString());

    [Fact]
    public void Needs_a_ratio() => Assert.Throws<ArgumentException>(() => PairedRatio.Of([]));

    // Symmetric about 1.
    private static double[] Draw(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 1 + 0.1 * (random.NextDouble() + random.NextDouble() - 1))];
    }
}
