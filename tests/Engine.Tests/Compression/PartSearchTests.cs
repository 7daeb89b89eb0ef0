using Engine.Compression;
using Engine.Graph;

namespace Engine.Tests;

/// <summary>Choosing a part of a model within a latency, where the latency is a known function.</summary>
public class PartSearchTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(9)]
    public void Nothing_better_fits(int count)
    {
        var random = new Random(count);
        var dimensions = new ElasticDimensions([.. Enumerable.Range(0, count).Select(i => new ElasticWidth($"w{i}", [16, 32, 48], [], []))], [], []);
        double[][] losses = [.. Enumerable.Range(0, count).Select(_ => (double[])[1 + random.NextDouble(), random.NextDouble(), 0])];
        int[] weights = [.. Enumerable.Range(0, count).Select(_ => random.Next(100, 3000))];
        // Additive, so that the knapsack's model is exact, in whole microseconds.
        double Predict(int[] choice) => 1e5 + choice.Select((c, i) => weights[i] * 1e3 * (c / 16)).Sum();
        double Loss(int[] choice) => choice.Select((c, i) => losses[i][c / 16 - 1]).Sum();
        double least = Predict([.. Enumerable.Repeat(16, count)]), most = Predict([.. Enumerable.Repeat(48, count)]);
        var search = new PartSearch(dimensions, losses, Predict, _ => { });
        foreach (double share in (double[])[0, 0.2, 0.5, 0.9, 1])
        {
            double limit = least + share * (most - least);
            double best = Every(count).Where(c => Predict(c) <= limit).Min(Loss);
            var found = search.Within(limit)!;
            Assert.Equal((Loss(found.Choice), Predict(found.Choice)), (found.Loss, found.Nanoseconds));
            Assert.True(found.Nanoseconds <= limit);
            Assert.Equal(best, found.Loss, 1e-12);
        }
        Assert.Null(search.Within(least - 1));
    }

    [Fact]
    public void Agreement_is_that_of_values_and_of_ranks()
    {
        Assert.Equal(0.15, Agreement.Mape([11, 8], [10, 10]), 1e-12);
        Assert.Equal(1, Agreement.Spearman([1, 2, 3, 40], [1, 5, 6, 7]), 1e-12);
        Assert.Equal(-1, Agreement.Spearman([1, 2, 3], [3, 2, 1]), 1e-12);
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3.
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), Agreement.Spearman([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12);
        Assert.Equal(0, Agreement.Spearman([1, 1], [1, 2]));
    }

    private static IEnumerable<int[]> Every(int count) => count == 0 ? [[]] : Every(count - 1).SelectMany(c => ((int[])[16, 32, 48]).Select(x => (int[])[.. c, x]));
}
