namespace Engine.Compression;

/// <summary>
/// Picks one option a variable so that the sum of losses is least and the cost stays within a budget, where costs belong to variables and to pairs of them: variables are eliminated one by one, each
/// into a table that has, for every choice of the variables it meets, the undominated sums of cost and loss. Exact while no such list is longer than
/// <see cref="MostStates"/>; of longer ones the best of each <see cref="MostStates"/>-th of the budget is kept, so that the budget is held all the same.
/// <para>Source: Dechter, "Bucket elimination: a unifying framework for reasoning", 1999.</para>
/// </summary>
internal static class PairwiseKnapsack
{
    public const int MostStates = 1024;
    private const long MostEntries = 1 << 16;

    /// <summary>The order of elimination, smallest table first; null where a table would have more than 65,536 entries.</summary>
    public static int[]? Order(IReadOnlyList<int> options, IEnumerable<(int, int)> pairs)
    {
        var meets = options.Select(_ => new HashSet<int>()).ToArray();
        foreach (var (a, b) in pairs)
        {
            meets[a].Add(b);
            meets[b].Add(a);
        }
        var left = Enumerable.Range(0, options.Count).ToList();
        var order = new List<int>();
        while (left.Count > 0)
        {
            double Entries(int v) => meets[v].Aggregate((double)options[v], (n, o) => n * options[o]);
            int next = left.MinBy(Entries);
            if (Entries(next) > MostEntries) return null;
            foreach (int a in meets[next])
            {
                meets[a].UnionWith(meets[next]);
                meets[a].Remove(a);
                meets[a].Remove(next);
            }
            left.Remove(next);
            order.Add(next);
        }
        return [.. order];
    }

    /// <summary>The option taken for each variable, or null where the cheapest exceed the budget. Of equal losses the lower cost wins, then the earlier options.</summary>
    /// <param name="losses">By variable and option.</param>
    /// <param name="costs">By variable and option, not negative.</param>
    /// <param name="pairs">By two variables and their options, not negative.</param>
    /// <param name="order">From <see cref="Order"/>.</param>
    /// <param name="budget">What the sum of the costs may be.</param>
    public static int[]? Solve(IReadOnlyList<double[]> losses, IReadOnlyList<long[]> costs, IReadOnlyDictionary<(int, int), long[,]> pairs, IReadOnlyList<int> order, long budget)
    {
        int[] sizes = [.. costs.Select(c => c.Length)];
        var factors = new List<Factor>();
        for (int v = 0; v < sizes.Length; v++) factors.Add(new([v], [.. costs[v].Select((c, o) => (State[])[new(c, losses[v][o], v, o, null, null)])]));
        foreach (var ((a, b), cost) in pairs.OrderBy(p => p.Key)) factors.Add(new([a, b], [.. cost.Cast<long>().Select(c => (State[])[new(c, 0, -1, 0, null, null)])]));
        foreach (int v in order)
        {
            var met = factors.FindAll(f => f.Scope.Contains(v));
            factors.RemoveAll(met.Contains);
            factors.Add(Eliminate(v, sizes, met, budget));
        }
        State[] last = [new(0, 0, -1, 0, null, null)];
        foreach (var f in factors) last = Sum(last, f.Table[0], budget);
        if (last.Length == 0) return null;
        var choice = new int[sizes.Length];
        last[^1].Trace(choice);
        return choice;
    }

    private static Factor Eliminate(int v, int[] sizes, List<Factor> met, long budget)
    {
        int[] scope = [.. met.SelectMany(f => f.Scope).Distinct().Where(s => s != v).Order()];
        var table = new State[scope.Aggregate(1, (n, s) => n * sizes[s])][];
        var at = new int[sizes.Length];
        for (int i = 0; i < table.Length; i++)
        {
            for (int s = scope.Length - 1, rest = i; s >= 0; rest /= sizes[scope[s]], s--) at[scope[s]] = rest % sizes[scope[s]];
            var all = new List<State>();
            for (at[v] = 0; at[v] < sizes[v]; at[v]++)
            {
                State[]? sum = null;
                foreach (var f in met)
                {
                    var states = f.Table[f.Scope.Aggregate(0, (n, s) => n * sizes[s] + at[s])];
                    sum = sum is null ? states : Sum(sum, states, budget);
                }
                all.AddRange(sum!.Where(s => s.Cost <= budget));
            }
            table[i] = Undominated(all, budget);
        }
        return new(scope, table);
    }

    private static State[] Sum(State[] a, State[] b, long budget)
    {
        var sums = new List<State>(a.Length * b.Length);
        foreach (var x in a)
            foreach (var y in b)
                if (x.Cost + y.Cost <= budget) sums.Add(new(x.Cost + y.Cost, x.Loss + y.Loss, -1, 0, x, y));
        return a.Length == 1 || b.Length == 1 ? [.. sums] : Undominated(sums, budget);
    }

    // Rising cost, falling loss.
    private static State[] Undominated(List<State> states, long budget)
    {
        var kept = new List<State>();
        foreach (var s in states.OrderBy(s => s.Cost).ThenBy(s => s.Loss))
            if (kept.Count == 0 || s.Loss < kept[^1].Loss) kept.Add(s);
        if (kept.Count <= MostStates) return [.. kept];
        long width = budget / MostStates + 1;
        return [.. kept.Where((s, i) => i == 0 || i + 1 == kept.Count || s.Cost / width != kept[i + 1].Cost / width)];
    }

    /// <summary>For every choice of the variables in scope, the last of them fastest, what can be had.</summary>
    private sealed record Factor(int[] Scope, State[][] Table);

    private sealed class State(long cost, double loss, int variable, int option, State? a, State? b)
    {
        public long Cost => cost;

        public double Loss => loss;

        public void Trace(int[] choice)
        {
            if (variable >= 0) choice[variable] = option;
            a?.Trace(choice);
            b?.Trace(choice);
        }
    }
}
