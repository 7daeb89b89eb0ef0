using System.Globalization;
using Engine.Graph;

namespace Engine.Compression;

/// <summary>What was found.</summary>
/// <param name="Choice">A choice for each of <see cref="ElasticDimensions.All"/>.</param>
/// <param name="Loss">Sum of the choices' losses.</param>
/// <param name="Nanoseconds">Predicted latency.</param>
/// <param name="Method">How it was found.</param>
public sealed record FoundPart(int[] Choice, double Loss, double Nanoseconds, string Method);

/// <summary>
/// The part of least loss within a latency. Losses of dimensions add up. Few parts are all predicted; of many, a knapsack over what each choice alone saves, exact in microseconds, is solved
/// for rising budgets, and what it gives is predicted as a whole.
/// </summary>
/// <param name="dimensions">What may be chosen.</param>
/// <param name="losses">For each dimension and choice, what it costs in accuracy when all else is whole.</param>
/// <param name="predict">Nanoseconds of a choice.</param>
/// <param name="progress">Called before each prediction.</param>
public sealed class PartSearch(ElasticDimensions dimensions, IReadOnlyList<double[]> losses, Func<int[], double> predict, Action<string> progress)
{
    private const long MostParts = 1000;
    private const int Bisections = 16;
    private const double Microsecond = 1e3;

    private IReadOnlyList<ElasticDimension> All { get; } = dimensions.All;

    /// <summary>How many parts there are.</summary>
    public long Parts => All.Aggregate(1L, (n, d) => n > long.MaxValue / d.Choices.Count ? long.MaxValue : n * d.Choices.Count);

    /// <summary>The part of least loss that is predicted to take at most <paramref name="limit"/> nanoseconds; of equal ones the fastest. Null where none is.</summary>
    public FoundPart? Within(double limit) => Parts <= MostParts ? Every(limit) : Knapsacks(limit);

    private double Loss(int[] choice) => choice.Select((c, i) => losses[i][All[i].Choices.ToList().IndexOf(c)]).Sum();

    private FoundPart? Every(double limit)
    {
        FoundPart? best = null;
        var choice = new int[All.Count];
        void Try(int at)
        {
            if (at < All.Count)
            {
                foreach (int c in All[at].Choices)
                {
                    choice[at] = c;
                    Try(at + 1);
                }
                return;
            }
            progress(string.Join(' ', choice));
            var found = new FoundPart([.. choice], Loss(choice), predict(choice), "every part predicted");
            if (found.Nanoseconds <= limit && (best is null || (found.Loss, found.Nanoseconds).CompareTo((best.Loss, best.Nanoseconds)) < 0)) best = found;
        }
        Try(0);
        return best;
    }

    private FoundPart? Knapsacks(double limit)
    {
        int[] whole = [.. All.Select(d => d.Whole)];
        double most = predict(whole);
        var options = new List<IReadOnlyList<KnapsackOption>>();
        for (int d = 0; d < All.Count; d++)
        {
            progress($"{All[d].Kind} {All[d].Name}");
            double[] times = [.. All[d].Choices.Select(c => predict([.. whole.Select((w, i) => i == d ? c : w)]))];
            double least = times.Min();
            options.Add([.. times.Select((t, i) => new KnapsackOption((long)Math.Round((t - least) / Microsecond), losses[d][i]))]);
        }
        FoundPart? best = null;
        long low = 0, high = options.Sum(o => o.Max(x => x.Cost));
        for (int i = 0; i < Bisections && low <= high; i++)
        {
            // The largest budget first: it may be that nothing has to be left out.
            long budget = i == 0 ? high : (low + high) / 2;
            int[] taken = Knapsack.Solve(options, budget)!;
            int[] choice = [.. taken.Select((o, d) => All[d].Choices[o])];
            progress($"budget {budget} µs");
            var found = new FoundPart(choice, Loss(choice), predict(choice), string.Create(CultureInfo.InvariantCulture, $"knapsack over {options.Count} dimensions in µs, whole {most / 1e6:0.###} ms"));
            if (found.Nanoseconds <= limit)
            {
                if (best is null || found.Loss < best.Loss) best = found;
                low = budget + 1;
                if (i == 0) break;
            }
            else high = budget - 1;
        }
        return best;
    }
}
