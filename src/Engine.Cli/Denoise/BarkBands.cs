using System.Numerics;

namespace Engine.Cli;

/// <summary>RNNoise's 22 triangular bands over the spectrum of 960 samples at 48 kHz: bins of 50 Hz, bands from 0 to 20 kHz that widen as the Bark scale does.</summary>
internal static class BarkBands
{
    /// <summary>Bands.</summary>
    public const int Count = 22;

    // Middles of the bands in bins of 200 Hz.
    private static readonly int[] s_middles = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40, 48, 60, 78, 100];

    private const int BinsOf200Hz = 4;

    /// <summary>Energies, or what two spectra have in common, band by band.</summary>
    public static double[] Products(ReadOnlySpan<Complex> x, ReadOnlySpan<Complex> y)
    {
        var sum = new double[Count];
        for (int b = 0; b < Count - 1; b++)
        {
            int from = s_middles[b] * BinsOf200Hz, bins = (s_middles[b + 1] - s_middles[b]) * BinsOf200Hz;
            for (int j = 0; j < bins; j++)
            {
                double part = (double)j / bins, product = x[from + j].Real * y[from + j].Real + x[from + j].Imaginary * y[from + j].Imaginary;
                sum[b] += (1 - part) * product;
                sum[b + 1] += part * product;
            }
        }
        // Half triangles.
        sum[0] *= 2;
        sum[^1] *= 2;
        return sum;
    }

    /// <summary>Adds <paramref name="of"/>, each bin times what lies between the gains of its bands; nothing from 20 kHz on.</summary>
    public static void AddScaled(ReadOnlySpan<double> gains, ReadOnlySpan<Complex> of, Span<Complex> to)
    {
        for (int b = 0; b < Count - 1; b++)
        {
            int from = s_middles[b] * BinsOf200Hz, bins = (s_middles[b + 1] - s_middles[b]) * BinsOf200Hz;
            for (int j = 0; j < bins; j++) to[from + j] += ((1 - (double)j / bins) * gains[b] + (double)j / bins * gains[b + 1]) * of[from + j];
        }
    }

    /// <summary>The orthonormal cosine transform of a value a band.</summary>
    public static double[] Cosines(ReadOnlySpan<double> x)
    {
        var y = new double[Count];
        for (int i = 0; i < Count; i++)
        {
            for (int j = 0; j < Count; j++) y[i] += x[j] * Math.Cos((j + 0.5) * i * Math.PI / Count);
            y[i] *= Math.Sqrt((i == 0 ? 1.0 : 2.0) / Count);
        }
        return y;
    }
}
