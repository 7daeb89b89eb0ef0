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

    /// <summary>log(1 + x), accurate near zero: log(w) · x / (w − 1) undoes the rounding of w = 1 + x.</summary>
    public static double Log1p(double x) => 1 + x is var w && w == 1 ? x : Math.Log(w) * (x / (w - 1));

    /// <summary>Normal distribution function, accurate in both tails.</summary>
    public static double Normal(double x)
    {
        double t = Math.Abs(x) * Math.Sqrt(0.5);
        if (!(t > 2)) return 0.5 + 0.5 * Erf(x * Math.Sqrt(0.5));
        // erfc t = e^(−t²) / √π · 1 / (t + ½ / (t + 1 / (t + 3/2 / (t + …)))).
        double fraction = t;
        for (int k = 100; k > 0; k--) fraction = t + k / (2 * fraction);
        double tail = t > 40 ? 0 : 0.5 * Math.Exp(-t * t) / (Math.Sqrt(Math.PI) * fraction);
        return x < 0 ? tail : 1 - tail;
    }
}
