using Engine.Compression;

namespace Engine.Tests.Compression;

/// <summary>Ranges of activations.</summary>
public sealed class CalibrationTests
{
    private static ValueHistogram Histogram(float[] values)
    {
        var h = new ValueHistogram();
        h.Extend(values.AsSpan(0, values.Length / 2));
        h.Extend(values.AsSpan(values.Length / 2));
        h.Count(values);
        return h;
    }

    // Normal, with two values far out.
    private static float[] WithOutliers(bool positive)
    {
        var random = new Random(11);
        float[] x = [.. Enumerable.Range(0, 40_000).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
        if (positive) x = Array.ConvertAll(x, v => Math.Max(0, v));
        x[17] = 60;
        x[900] = positive ? 50 : -55;
        return x;
    }

    [Fact]
    public void Least_and_greatest_values()
    {
        Assert.Equal((-55f, 60f), Histogram(WithOutliers(false)).Range(RangeMethod.MinMax, 100));
        Assert.Equal((0f, 60f), Histogram(WithOutliers(true)).Range(RangeMethod.MinMax, 100));
        Assert.Equal((-2f, 0f), Histogram([-2, -1]).Range(RangeMethod.MinMax, 100));
    }

    [Theory]
    [InlineData(RangeMethod.Percentile, false)]
    [InlineData(RangeMethod.Percentile, true)]
    [InlineData(RangeMethod.Entropy, false)]
    [InlineData(RangeMethod.Entropy, true)]
    public void Outliers_are_clipped_and_the_error_falls(RangeMethod method, bool positive)
    {
        float[] x = WithOutliers(positive);
        var h = Histogram(x);
        var (low, high) = h.Range(method, 99.9);
        Assert.InRange(high, 2, 30);
        Assert.True(positive ? low == 0 : low is < -2 and > -30);
        // Without the outliers themselves.
        double Error((float, float) range) => x.Where(v => Math.Abs(v) < 10).Zip(StaticPass.Round([.. x.Where(v => Math.Abs(v) < 10)], StaticPass.Grid(range, signed: false)), (v, r) => (double)(v - r) * (v - r)).Sum();
        Assert.True(Error((low, high)) < 0.5 * Error(h.Range(RangeMethod.MinMax, 100)));
    }

    [Fact]
    public void The_range_of_least_squared_error_has_less_than_the_whole_range()
    {
        // One value far out among many: what the finer steps of a smaller range save outweighs it.
        float[] x = [.. Enumerable.Range(0, 10).SelectMany(_ => WithOutliers(false).Where(v => Math.Abs(v) < 10)), 12f];
        var h = Histogram(x);
        double Error((float, float) range) => x.Zip(StaticPass.Round(x, StaticPass.Grid(range, signed: false)), (v, r) => (double)(v - r) * (v - r)).Sum();
        Assert.True(Error(h.Range(RangeMethod.Mse, 100)) < 0.95 * Error(h.Range(RangeMethod.MinMax, 100)));
    }

    [Fact]
    public void Wires_without_finite_values_or_of_one_value_have_a_range()
    {
        foreach (var method in Enum.GetValues<RangeMethod>())
        {
            Assert.Equal((0f, 1f), Histogram([float.NaN, float.PositiveInfinity]).Range(method, 99));
            var (low, high) = Histogram([3, 3, 3, 3]).Range(method, 99);
            Assert.True(low == 0 && high is > 0 and <= 3.01f);
            (low, high) = Histogram([0, 0]).Range(method, 99);
            Assert.Equal(1, StaticPass.Grid((low, high), false).Scale);
        }
    }

    [Theory]
    [InlineData(-1f, 3f, false)]
    [InlineData(0f, 2f, false)]
    [InlineData(-4f, 0f, true)]
    public void Grids_hold_zero_exactly_and_their_ends_nearly(float low, float high, bool signed)
    {
        var g = StaticPass.Grid((low, high), signed);
        Assert.Equal(0f, g.Decode(g.Encode(0)));
        Assert.InRange(g.Decode(g.Encode(low)), low - g.Scale, low + g.Scale);
        Assert.InRange(g.Decode(g.Encode(high)), high - g.Scale, high + g.Scale);
    }
}
