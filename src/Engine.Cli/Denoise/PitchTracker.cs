namespace Engine.Cli;

/// <summary>
/// The period of a voice as RNNoise finds it: correlation of whitened samples at a quarter and then half of 48 kHz, then a look at fractions of the period found, which a voice may have too.
/// </summary>
internal sealed class PitchTracker
{
    /// <summary>Longest period in samples.</summary>
    public const int Longest = 768;

    /// <summary>Samples whose period is looked for, the newest.</summary>
    public const int Frame = 960;

    private const int Shortest = 60, Half = Longest / 2, HalfFrame = Frame / 2;

    // Multiples of a fraction 1/k of the period at which another strong correlation confirms it.
    private static readonly int[] s_confirming = [0, 0, 3, 2, 3, 2, 5, 2, 3, 2, 3, 2, 5, 2, 3, 2];

    private int _period;
    private double _gain;

    /// <summary>The period of the newest of <see cref="Longest"/> + <see cref="Frame"/> samples.</summary>
    public int Find(ReadOnlySpan<double> samples)
    {
        double[] x = Whitened(samples);
        int period = Longest - Search(x);
        (_period, _gain) = Shorter(x, period);
        return _period;
    }

    // Half the rate, and a linear prediction of four samples taken away.
    private static double[] Whitened(ReadOnlySpan<double> samples)
    {
        int n = samples.Length / 2;
        var x = new double[n];
        for (int i = 0; i < n; i++) x[i] = 0.5 * (0.5 * ((i == 0 ? 0 : samples[2 * i - 1]) + samples[2 * i + 1]) + samples[2 * i]);
        var correlation = new double[5];
        for (int k = 0; k < correlation.Length; k++)
        {
            correlation[k] = Dot(x.AsSpan(k), x, n - k);
            correlation[k] *= k == 0 ? 1.0001 : 1 - 0.008 * k * 0.008 * k;
        }
        double[] p = Predictor(correlation);
        for (int i = 0; i < p.Length; i++) p[i] *= Math.Pow(0.9, i + 1);
        double[] filter = [p[0] + 0.8, p[1] + 0.8 * p[0], p[2] + 0.8 * p[1], p[3] + 0.8 * p[2], 0.8 * p[3]];
        for (int i = n - 1; i >= 0; i--)
            for (int k = 0; k < filter.Length && k < i; k++) x[i] += filter[k] * x[i - 1 - k];
        return x;
    }

    // Levinson and Durbin, to a gain of 30 dB.
    private static double[] Predictor(double[] correlation)
    {
        var p = new double[correlation.Length - 1];
        double error = correlation[0];
        for (int i = 0; i < p.Length && error > 0.001 * correlation[0]; i++)
        {
            double sum = correlation[i + 1];
            for (int j = 0; j < i; j++) sum += p[j] * correlation[i - j];
            double r = p[i] = -sum / error;
            for (int j = 0; j < (i + 1) / 2; j++) (p[j], p[i - 1 - j]) = (p[j] + r * p[i - 1 - j], p[i - 1 - j] + r * p[j]);
            error -= r * r * error;
        }
        return p;
    }

    // How far before the frame its best copy begins, counted from the longest period.
    private static int Search(double[] x)
    {
        const int Lags = (Longest - 3 * Shortest) / 2;
        double[] coarse = [.. Enumerable.Range(0, x.Length / 2).Select(i => x[2 * i])];
        var found = new double[Lags];
        for (int i = 0; i < Lags / 2; i++) found[i] = Dot(coarse.AsSpan(Half / 2), coarse.AsSpan(i), HalfFrame / 2);
        var (first, second) = Best(found.AsSpan(0, Lags / 2), coarse, HalfFrame / 2);
        for (int i = 0; i < Lags; i++) found[i] = Math.Abs(i - 2 * first) > 2 && Math.Abs(i - 2 * second) > 2 ? 0 : Math.Max(-1, Dot(x.AsSpan(Half), x.AsSpan(i), HalfFrame));
        (first, _) = Best(found, x, HalfFrame);
        return 2 * first - (first > 0 && first < Lags - 1 ? Lean(found[first - 1], found[first], found[first + 1]) : 0);
    }

    // The two largest of correlation² / energy.
    private static (int First, int Second) Best(ReadOnlySpan<double> correlation, ReadOnlySpan<double> y, int length)
    {
        double energy = 1 + Dot(y, y, length);
        (double Square, double Energy, int At) first = (-1, 0, 0), second = (-1, 0, 1);
        for (int i = 0; i < correlation.Length; i++)
        {
            double square = correlation[i] * correlation[i];
            if (correlation[i] > 0 && square * second.Energy > second.Square * energy)
            {
                if (square * first.Energy > first.Square * energy) (second, first) = (first, (square, energy, i));
                else second = (square, energy, i);
            }
            energy = Math.Max(1, energy + y[i + length] * y[i + length] - y[i] * y[i]);
        }
        return (first.At, second.At);
    }

    // Which neighbour the peak leans to.
    private static int Lean(double before, double at, double after) => after - before > 0.7 * (at - before) ? 1 : before - after > 0.7 * (at - after) ? -1 : 0;

    private (int Period, double Gain) Shorter(double[] x, int found)
    {
        int whole = Math.Min(found / 2, Half - 1), best = whole, previous = _period / 2;
        double[] energies = Energies(x);
        double own = energies[0], xy = Correlation(x, whole), yy = energies[whole], gain0 = Gain(xy, own, yy), gain = gain0;
        for (int k = 2; k <= 15; k++)
        {
            int part = (2 * whole + k) / (2 * k);
            if (part < Shortest / 2) break;
            int other = k == 2 ? part + whole > Half ? whole : whole + part : (2 * s_confirming[k] * whole + k) / (2 * k);
            double sum = 0.5 * (Correlation(x, part) + Correlation(x, other)), energy = 0.5 * (energies[part] + energies[other]), g = Gain(sum, own, energy);
            int away = Math.Abs(part - previous);
            double kept = away <= 1 ? _gain : away <= 2 && 5 * k * k < whole ? 0.5 * _gain : 0;
            // Very short periods correlate by chance.
            if (g > (part < 3 * Shortest / 2 ? Math.Max(0.4, 0.85 * gain0 - kept) : Math.Max(0.3, 0.7 * gain0 - kept))) (xy, yy, best, gain) = (sum, energy, part, g);
        }
        xy = Math.Max(0, xy);
        double ratio = yy <= xy ? 1 : xy / (yy + 1);
        return (Math.Max(Shortest, 2 * best + Lean(Correlation(x, best - 1), Correlation(x, best), Correlation(x, best + 1))), Math.Min(ratio, gain));
    }

    private static double Gain(double xy, double xx, double yy) => xy / Math.Sqrt(1 + xx * yy);

    private static double Correlation(double[] x, int lag) => Dot(x.AsSpan(Half), x.AsSpan(Half - lag), HalfFrame);

    // Of the frame and of what lies every lag before it.
    private static double[] Energies(double[] x)
    {
        var e = new double[Half + 1];
        double sum = e[0] = Dot(x.AsSpan(Half), x.AsSpan(Half), HalfFrame);
        for (int i = 1; i <= Half; i++)
        {
            sum += x[Half - i] * x[Half - i] - x[Half + HalfFrame - i] * x[Half + HalfFrame - i];
            e[i] = Math.Max(0, sum);
        }
        return e;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int n)
    {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += a[i] * b[i];
        return sum;
    }
}
