namespace Engine.Bench;

/// <summary>How far results are from those expected: root of the mean square of the difference over that of the expected values, and the largest difference of all.</summary>
internal sealed class ResultError
{
    private double _error, _norm;

    public double Nrmse => _norm > 0 ? Math.Sqrt(_error / _norm) : 0;

    public double Largest { get; private set; }

    public int Results { get; private set; }

    /// <summary>The results of <paramref name="actual"/> whose windows are among the expected ones.</summary>
    public static ResultError Of(IReadOnlyDictionary<long, double[]> actual, IReadOnlyDictionary<long, double[]> expected)
    {
        var e = new ResultError();
        foreach (var (end, values) in actual)
            if (expected.TryGetValue(end, out var right)) e.Add(values, right);
        return e;
    }

    private void Add(double[] actual, double[] expected)
    {
        Results++;
        for (int i = 0; i < expected.Length; i++)
        {
            double d = actual[i] - expected[i];
            _error += d * d;
            _norm += expected[i] * expected[i];
            Largest = Math.Max(Largest, Math.Abs(d));
        }
    }
}
