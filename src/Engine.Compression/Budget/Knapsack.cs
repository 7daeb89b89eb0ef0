namespace Engine.Compression;

/// <summary>One way to compress a layer, as the solver sees it.</summary>
/// <param name="Cost">What the budget counts: bytes or nanoseconds, not negative.</param>
/// <param name="Loss">What is made least: noise to signal of the layer's output, not negative.</param>
public readonly record struct KnapsackOption(long Cost, double Loss);

/// <summary>
/// Picks one option a layer so that the sum of losses is least and the sum of costs stays within a budget (the multiple-choice knapsack), exactly:
/// dynamic programming over undominated partial sums, cut where even the relaxed rest cannot beat a known solution.
/// </summary>
public static class Knapsack
{
    /// <summary>
    /// Index of the option taken for each layer, or null where the cheapest ones exceed the budget. Of equal losses the lower cost wins, then the
    /// earlier options.
    /// </summary>
    public static int[]? Solve(IReadOnlyList<IReadOnlyList<KnapsackOption>> layers, long budget)
    {
        var cheapest = new long[layers.Count + 1];
        for (int i = layers.Count - 1; i >= 0; i--) cheapest[i] = Tensors.Checked.Add(cheapest[i + 1], layers[i].Min(o => o.Cost));
        if (cheapest[0] > budget) return null;
        var rest = new Relaxation[layers.Count + 1];
        for (int i = layers.Count; i >= 0; i--) rest[i] = new Relaxation(layers.Skip(i));
        // Bounds are sums in another order than losses: rounding must not cut the best.
        double known = rest[0].Rounded(budget) + 1e-12 * rest[0].Most;

        var steps = new List<State[]> { new State[] { new(0, 0, -1, -1) } };
        for (int i = 0; i < layers.Count; i++)
        {
            var from = steps[i];
            var next = new List<State>();
            for (int s = 0; s < from.Length; s++)
                for (int o = 0; o < layers[i].Count; o++)
                {
                    var state = new State(from[s].Cost + layers[i][o].Cost, from[s].Loss + layers[i][o].Loss, s, o);
                    if (state.Cost + cheapest[i + 1] > budget) continue;
                    if (state.Loss + rest[i + 1].Bound(budget - state.Cost) > known) continue;
                    next.Add(state);
                }
            steps.Add(Undominated(next));
        }
        int at = steps[^1].Length - 1;
        var choice = new int[layers.Count];
        for (int i = layers.Count; i > 0; i--)
        {
            choice[i - 1] = steps[i][at].Option;
            at = steps[i][at].From;
        }
        return choice;
    }

    // Rising cost, falling loss.
    private static State[] Undominated(List<State> states)
    {
        states.Sort((a, b) => a.Cost != b.Cost ? a.Cost.CompareTo(b.Cost) : a.Loss != b.Loss ? a.Loss.CompareTo(b.Loss) : a.From != b.From ? a.From.CompareTo(b.From) : a.Option.CompareTo(b.Option));
        var kept = new List<State>();
        foreach (var s in states)
            if (kept.Count == 0 || s.Loss < kept[^1].Loss) kept.Add(s);
        return [.. kept];
    }

    private readonly record struct State(long Cost, double Loss, int From, int Option);

    /// <summary>The linear relaxation: every layer on the lower convex hull of its options, the steepest gains first.</summary>
    private sealed class Relaxation
    {
        private readonly long _cost;
        private readonly double _loss;
        private readonly (long Cost, double Gain)[] _steps;

        public Relaxation(IEnumerable<IReadOnlyList<KnapsackOption>> layers)
        {
            var steps = new List<(long Cost, double Gain)>();
            foreach (var layer in layers)
            {
                var hull = Hull(layer);
                _cost += hull[0].Cost;
                _loss += hull[0].Loss;
                for (int i = 1; i < hull.Count; i++) steps.Add((hull[i].Cost - hull[i - 1].Cost, hull[i - 1].Loss - hull[i].Loss));
            }
            steps.Sort((a, b) => (b.Gain / b.Cost).CompareTo(a.Gain / a.Cost));
            _steps = [.. steps];
        }

        /// <summary>The loss of the cheapest options.</summary>
        public double Most => _loss;

        /// <summary>No choice within the budget loses less.</summary>
        public double Bound(long budget) => Walk(budget, whole: false);

        /// <summary>The loss of a choice within the budget.</summary>
        public double Rounded(long budget) => Walk(budget, whole: true);

        private double Walk(long budget, bool whole)
        {
            long left = budget - _cost;
            double loss = _loss;
            foreach (var (cost, gain) in _steps)
            {
                if (cost > left)
                {
                    // Steps of a layer follow each other on its hull, so that stopping here leaves a choice.
                    return whole ? loss : loss - gain * left / cost;
                }
                left -= cost;
                loss -= gain;
            }
            return loss;
        }

        private static List<KnapsackOption> Hull(IReadOnlyList<KnapsackOption> options)
        {
            var hull = new List<KnapsackOption>();
            foreach (var o in options.OrderBy(o => o.Cost).ThenBy(o => o.Loss))
            {
                if (hull.Count > 0 && o.Loss >= hull[^1].Loss) continue;
                while (hull.Count > 1 && Slope(hull[^2], hull[^1]) <= Slope(hull[^2], o)) hull.RemoveAt(hull.Count - 1);
                hull.Add(o);
            }
            return hull;
        }

        // Gain a unit of cost.
        private static double Slope(KnapsackOption a, KnapsackOption b) => (a.Loss - b.Loss) / (b.Cost - a.Cost);
    }
}
