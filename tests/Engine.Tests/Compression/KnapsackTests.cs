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

    [Fact]
    public void Costs_of_pairs_are_met_as_by_trying_everything()
    {
        var random = new Random(3);
        int feasible = 0;
        for (int round = 0; round < 300; round++)
        {
            int[] sizes = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(1, 5))];
            var losses = sizes.Select(n => Enumerable.Range(0, n).Select(_ => random.Next(20) / 8.0).ToArray()).ToList();
            var costs = sizes.Select(n => Enumerable.Range(0, n).Select(_ => (long)random.Next(50)).ToArray()).ToList();
            var pairs = new Dictionary<(int, int), long[,]>();
            for (int a = 0; a < sizes.Length; a++)
                for (int b = a + 1; b < sizes.Length; b++)
                {
                    if (random.Next(2) == 0) continue;
                    long[,] cost = pairs[(a, b)] = new long[sizes[a], sizes[b]];
                    for (int i = 0; i < sizes[a]; i++)
                        for (int j = 0; j < sizes[b]; j++) cost[i, j] = random.Next(50);
                }
            long budget = random.Next(60 * (sizes.Length + pairs.Count));
            (long Cost, double Loss) Of(int[] choice) => (choice.Select((o, v) => costs[v][o]).Sum() + pairs.Sum(p => p.Value[choice[p.Key.Item1], choice[p.Key.Item2]]), choice.Select((o, v) => losses[v][o]).Sum());
            double? best = null;
            for (int i = 0; i < sizes.Aggregate(1, (n, s) => n * s); i++)
            {
                int rest = i;
                var (cost, loss) = Of([.. sizes.Select(s => { int o = rest % s; rest /= s; return o; })]);
                if (cost <= budget && !(loss >= best)) best = loss;
            }
            int[]? choice2 = PairwiseKnapsack.Solve(losses, costs, pairs, PairwiseKnapsack.Order(sizes, pairs.Keys)!, budget);
            Assert.Equal(best is null, choice2 is null);
            if (choice2 is null) continue;
            feasible++;
            Assert.True(Of(choice2).Cost <= budget);
            Assert.Equal(best!.Value, Of(choice2).Loss, 12);
        }
        Assert.InRange(feasible, 100, 299);
    }

    [Fact]
    public void A_long_chain_of_pairs_holds_its_budget_and_no_single_change_is_better()
    {
        var random = new Random(4);
        const int count = 30, options = 8;
        var losses = Enumerable.Range(0, count).Select(_ => { double scale = random.NextDouble(); return Enumerable.Range(0, options).Select(o => scale * (options - 1 - o)).ToArray(); }).ToList();
        var costs = losses.ConvertAll(_ => new long[options]);
        var pairs = new Dictionary<(int, int), long[,]>();
        for (int v = 1; v < count; v++)
        {
            long unit = random.Next(1000, 100_000);
            var cost = pairs[(v - 1, v)] = new long[options, options];
            for (int i = 0; i < options; i++)
                for (int j = 0; j < options; j++) cost[i, j] = unit * (i + 1) * (j + 1);
        }
        long Cost(int[] choice) => pairs.Sum(p => p.Value[choice[p.Key.Item1], choice[p.Key.Item2]]);
        long budget = Cost([.. Enumerable.Repeat(4, count)]);
        int[] found = PairwiseKnapsack.Solve(losses, costs, pairs, PairwiseKnapsack.Order([.. costs.Select(c => c.Length)], pairs.Keys)!, budget)!;
        Assert.True(Cost(found) <= budget);
        // Up to a thousandth of the budget.
        for (int v = 0; v < count; v++)
            for (int o = found[v] + 1; o < options; o++) Assert.True(Cost([.. found.Select((f, i) => i == v ? o : f)]) > budget - budget / 1024);
        Assert.True(losses.Select((l, v) => l[found[v]]).Sum() < losses.Sum(l => l[4]));
    }

    [Fact]
    public void Too_many_pairs_have_no_order() => Assert.Null(PairwiseKnapsack.Order([.. Enumerable.Repeat(8, 8)], Enumerable.Range(0, 8).SelectMany(a => Enumerable.Range(a + 1, 7 - a).Select(b => (a, b)))));

    private static IEnumerable<(long, double)> All(List<IReadOnlyList<KnapsackOption>> layers, int i) =>
        i == layers.Count ? [(0, 0)] : layers[i].SelectMany(o => All(layers, i + 1).Select(r => (o.Cost + r.Item1, o.Loss + r.Item2)));
}
