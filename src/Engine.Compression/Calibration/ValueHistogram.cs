using Engine.Tensors;

namespace Engine.Compression;

/// <summary>How a range of activations is found.</summary>
public enum RangeMethod
{
    /// <summary>The least and the greatest value seen.</summary>
    MinMax,
    /// <summary>All but a small part of the values at either end.</summary>
    Percentile,
    /// <summary>The range whose codes lose least information (Kullback–Leibler divergence).</summary>
    Entropy,
    /// <summary>The range of least squared error.</summary>
    Mse,
}

/// <summary>Values of one wire over the calibration samples: first their extremes, then a histogram between them.</summary>
internal sealed class ValueHistogram
{
    private const int Bins = 4096, Tries = 80;

    private readonly long[] _bins = new long[Bins];

    public float Low { get; private set; } = float.PositiveInfinity;

    public float High { get; private set; } = float.NegativeInfinity;

    /// <summary>True when a finite value was seen.</summary>
    public bool IsSeen => Low <= High;

    private double Width => ((double)High - Low) / Bins;

    /// <summary>First pass.</summary>
    public void Extend(ReadOnlySpan<float> values)
    {
        foreach (float v in values)
            if (float.IsFinite(v)) (Low, High) = (MathF.Min(Low, v), MathF.Max(High, v));
    }

    /// <summary>Second pass.</summary>
    public void Count(ReadOnlySpan<float> values)
    {
        double inverse = Width > 0 ? 1 / Width : 0;
        foreach (float v in values)
            if (float.IsFinite(v)) _bins[Math.Clamp((int)(((double)v - Low) * inverse), 0, Bins - 1)]++;
    }

    /// <summary>The range to quantize; it holds zero.</summary>
    public (float Low, float High) Range(RangeMethod method, double percentile)
    {
        if (!IsSeen) return (0, 1);
        var (low, high) = method switch
        {
            RangeMethod.Percentile => Percentile(percentile),
            RangeMethod.Entropy => Search(Divergence),
            RangeMethod.Mse => Search(SquaredError),
            _ => (Low, High),
        };
        return (MathF.Min(0, low), MathF.Max(0, high));
    }

    private (float, float) Percentile(double percentile)
    {
        long cut = (long)(_bins.Sum() * (1 - percentile / 100) / 2), below = 0, above = 0;
        int first = 0, last = Bins - 1;
        // A tail that lies at zero, as after a ReLU, is no tail.
        while (first < last && (below += _bins[first]) <= cut) first++;
        while (last > first && (above += _bins[last]) <= cut) last--;
        return ((float)(Low + first * Width), (float)(Low + (last + 1) * Width));
    }

    // Ranges from the whole one down to an eighth.
    private (float, float) Search(Func<double, double, double> loss)
    {
        (double Low, double High) best = (Low, High);
        double least = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            double part = 1 - i * (0.875 / Tries), low = Math.Min(0, Low) * part, high = Math.Max(0, High) * part, l = loss(low, high);
            if (l < least) (best, least) = ((low, high), l);
        }
        return ((float)best.Low, (float)best.High);
    }

    private double SquaredError(double low, double high)
    {
        double step = (high - low) / 255, error = 0;
        if (!(step > 0)) return double.PositiveInfinity;
        for (int b = 0; b < Bins; b++)
        {
            if (_bins[b] == 0) continue;
            double x = Low + (b + 0.5) * Width, d = x - Math.Clamp(Math.Round(x / step) * step, low, high);
            error += _bins[b] * d * d;
        }
        return error;
    }

    /// <summary>KL(P ‖ Q): P the histogram with values beyond the range moved to its ends, Q the same spread evenly over each code.</summary>
    private double Divergence(double low, double high)
    {
        const int codes = 256;
        if (!(high > low) || !(Width > 0)) return double.PositiveInfinity;
        int first = Math.Clamp((int)((low - Low) / Width), 0, Bins - 1), last = Math.Clamp((int)Math.Ceiling((high - Low) / Width) - 1, first, Bins - 1);
        int count = last - first + 1;
        var p = new double[count];
        double total = 0;
        for (int b = 0; b < Bins; b++)
        {
            p[Math.Clamp(b, first, last) - first] += _bins[b];
            total += _bins[b];
        }
        double divergence = 0;
        for (int c = 0; c < codes; c++)
        {
            int from = (int)((long)c * count / codes), to = (int)((long)(c + 1) * count / codes), filled = 0;
            double mass = 0;
            for (int i = from; i < to; i++)
            {
                // Q knows only what lies inside the range; what was moved to the ends is lost.
                mass += _bins[first + i];
                if (p[i] > 0) filled++;
            }
            for (int i = from; i < to; i++)
                if (p[i] > 0) divergence += p[i] / total * Math.Log(p[i] / Math.Max(mass / filled, 1e-3));
        }
        return divergence;
    }
}
