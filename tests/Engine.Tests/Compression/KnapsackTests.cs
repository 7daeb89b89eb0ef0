using Engine.Compression;

namespace Engine.Tests.Compression;

/// <summary>The solver against every choice there is.</summary>
public sealed class KnapsackTests
{
    [Fact]
    public void Is_as_good_as_trying_everything()
    {
        var random = new Random(1);
        int feasible = 0;
        for (int round = 0; round < 2000; round++)
        {
            // Few distinct costs and losses make ties; many make none.
            int most = round % 2 == 0 ? 5 : 1000;
            var layers = Enumerable.Range(0, random.Next(1, 7)).Select(_ => (IReadOnlyList<KnapsackOption>)[.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => new KnapsackOption(random.Next(most), random.Next(most) / 8.0))]).ToList();
            long budget = random.Next(layers.Count * most);
            double? best = null;
            foreach (var (cost, loss) in All(layers, 0))
                if (cost <= budget && !(loss >= best)) best = loss;
            var choice = Knapsack.Solve(layers, budget);
            Assert.Equal(best is null, choice is null);
            if (choice is null) continue;
            feasible++;
            Assert.True(choice.Select((o, i) => layers[i][o].Cost).Sum() <= budget);
            Assert.Equal(best!.Value, choice.Select((o, i) => layers[i][o].Loss).Sum(), 12);
        }
        Assert.InRange(feasible, 500, 1999);
    }

    [Fact]
    public void Solves_a_network_of_many_layers()
    {
        var random = new Random(2);
        var layers = Enumerable.Range(0, 160).Select(_ => (IReadOnlyList<KnapsackOption>)[.. Enumerable.Range(0, 6).Select(o => new KnapsackOption((o + 1) * random.Next(10_000, 1_000_000), Math.Pow(4, -o) * random.NextDouble()))]).ToList();
        long budget = layers.Sum(l => (l.Min(o => o.Cost) + l.Max(o => o.Cost)) / 2);
        var choice = Knapsack.Solve(layers, budget)!;
        Assert.True(choice.Select((o, i) => layers[i][o].Cost).Sum() <= budget);
        // No single exchange that still fits is better.
        long spare = budget - choice.Select((o, i) => layers[i][o].Cost).Sum();
        for (int i = 0; i < layers.Count; i++)
            foreach (var o in layers[i]) Assert.False(o.Cost - layers[i][choice[i]].Cost <= spare && o.Loss < layers[i][choice[i]].Loss);
    }

    [Fact]
    public void Nothing_fits_a_budget_below_the_least() => Assert.Null(Knapsack.Solve([[new(5, 0), new(4, 1)]], 3));

    private static IEnumerable<(long, double)> All(List<IReadOnlyList<KnapsackOption>> layers, int i) =>
        i == layers.Count ? [(0, 0)] : layers[i].SelectMany(o => All(layers, i + 1).Select(r => (o.Cost + r.Item1, o.Loss + r.Item2)));
}
