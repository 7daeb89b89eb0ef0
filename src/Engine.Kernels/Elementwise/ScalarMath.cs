namespace Engine.Kernels;

/// <summary>binary64 functions that the library lacks.</summary>
public static class ScalarMath
{
    /// <summary>
    /// Error function, by erf x = 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)): every term has x's sign, so nothing cancels.
    /// Beyond 6 the difference from ±1 is below 2⁻⁵³.
    /// </summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x)) return x;
        if (Math.Abs(x) >= 6) return Math.Sign(x);
        double term = x, sum = x, square = x * x;
        for (int n = 1; Math.Abs(term) > Math.Abs(sum) * 1e-17; n++)
        {
            term *= 2 * square / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-square) * sum;
    }

    /// <summary>eˣ − 1, accurate near zero: tanh(x/2) · (eˣ + 1).</summary>
    public static double Expm1(double x) => Math.Abs(x) < 0.5 ? Math.Tanh(x / 2) * (Math.Exp(x) + 1) : Math.Exp(x) - 1;
}
