namespace Engine.Kernels;

/// <summary>A factor as multiplier / 2^shift, so that requantizing needs integers alone (the dyadic numbers of HAWQ-V3).</summary>
public static class Dyadic
{
    /// <summary>
    /// The multiplier of 31 bits and the shift, 1 to 62, nearest to a factor. Magnitudes below 2^−32, and what is no number, become 0; those above 2^29 that, which
    /// takes any sum out of the range of codes as well.
    /// </summary>
    public static (int Multiplier, int Shift) Of(double factor)
    {
        double magnitude = Math.Min(Math.Abs(factor), 1 << 29);
        if (!(magnitude >= 1.0 / (1L << 32))) return (0, 1);
        int exponent = Math.ILogB(magnitude) + 1;
        long m = (long)Math.Floor(Math.ScaleB(magnitude, 31 - exponent) + 0.5);
        if (m == 1L << 31) (m, exponent) = (1L << 30, exponent + 1);
        return ((int)(factor < 0 ? -m : m), 31 - exponent);
    }
}
