namespace Engine.Compression;

/// <summary>How well predictions agree with measurements.</summary>
public static class Agreement
{
    /// <summary>Mean of |predicted − measured| / measured.</summary>
    public static double Mape(IReadOnlyList<double> predicted, IReadOnlyList<double> measured) => predicted.Zip(measured, (p, m) => Math.Abs(p - m) / m).Average();

    /// <summary>Spearman's correlation of ranks, equal values sharing the mean of theirs; 0 where one side is constant.</summary>
    public static double Spearman(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        double[] x = Ranks(a), y = Ranks(b);
        double mx = x.Average(), my = y.Average(), xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < x.Length; i++) (xy, xx, yy) = (xy + (x[i] - mx) * (y[i] - my), xx + (x[i] - mx) * (x[i] - mx), yy + (y[i] - my) * (y[i] - my));
        return xx == 0 || yy == 0 ? 0 : xy / Math.Sqrt(xx * yy);
    }

    private static double[] Ranks(IReadOnlyList<double> values) => [.. values.Select(v => values.Count(w => w < v) + (values.Count(w => w == v) - 1) / 2.0)];
}
