using System.Globalization;

namespace Engine.Bench;

/// <summary>The median of ratios of pairs that were measured together, and where it lies with 95 % confidence.</summary>
/// <param name="Median">Median of the ratios.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end of the interval.</param>
internal readonly record struct PairedRatio(double Median, double Low, double High)
{
    private const int Resamples = 2000, Seed = 42;

    /// <summary>
    /// Percentile bootstrap: the median of as many ratios drawn with replacement, often; seeded, so that the same ratios give the same interval.
    /// Throws <see cref="ArgumentException"/> where there is none.
    /// </summary>
    public static PairedRatio Of(IReadOnlyList<double> ratios)
    {
        if (ratios.Count == 0) throw new ArgumentException("no ratios", nameof(ratios));
        var random = new Random(Seed);
        var medians = new double[Resamples];
        var drawn = new double[ratios.Count];
        for (int i = 0; i < medians.Length; i++)
        {
            for (int k = 0; k < drawn.Length; k++) drawn[k] = ratios[random.Next(ratios.Count)];
            medians[i] = MedianInPlace(drawn);
        }
        Array.Sort(medians);
        return new(MedianOf([.. ratios]), medians[(int)(0.025 * (Resamples - 1))], medians[(int)Math.Ceiling(0.975 * (Resamples - 1))]);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Median:0.000} ({Low:0.000}–{High:0.000})");

    /// <summary>Median of unordered values.</summary>
    internal static double MedianOf(double[] values) => MedianInPlace([.. values]);

    private static double MedianInPlace(double[] values)
    {
        Array.Sort(values);
        int n = values.Length;
        return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
    }
}
