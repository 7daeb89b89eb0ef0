using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Exponential, logarithm, hyperbolic tangent and error function on vectors of f32, exact at ±0, ±∞ and NaN, with subnormal arguments
/// and results. Largest errors in units in the last place, found by trying every argument, are in <c>docs/math.md</c>.
/// </summary>
internal static class F32Math
{
    /// <summary>The bits of √½.</summary>
    public const int RootHalfBits = 0x3f3504f3;

    /// <summary>Beyond these arguments eˣ is zero or infinite.</summary>
    public const float ExpLow = -104.5f, ExpHigh = 89;

    /// <summary>log₂ e, and ln 2 in two parts.</summary>
    public const float Log2E = 1.44269504088896341f, Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>eʳ = 1 + r + r² · (Series1 + r · (Series2 + …)).</summary>
    public const float Series1 = 0.5f, Series2 = 1.6666666682e-1f, Series3 = 4.1666464991e-2f, Series4 = 8.3333109328e-3f, Series5 = 1.3933642690e-3f, Series6 = 1.9890982711e-4f;

    // x = n · ln 2 + r, |r| ≤ ln 2 / 2; n · Ln2High is exact.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Reduce<TV>(TV x, out TV n) where TV : unmanaged, IF32Vector<TV>
    {
        n = TV.Round(x * TV.Of(Log2E));
        return TV.Fma(n, TV.Of(-Ln2Low), TV.Fma(n, TV.Of(-Ln2High), x));
    }

    // eʳ − 1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Series<TV>(TV r) where TV : unmanaged, IF32Vector<TV>
    {
        var p = TV.Fma(TV.Of(Series6), r, TV.Of(Series5));
        p = TV.Fma(p, r, TV.Of(Series4));
        p = TV.Fma(p, r, TV.Of(Series3));
        p = TV.Fma(p, r, TV.Of(Series2));
        p = TV.Fma(p, r, TV.Of(Series1));
        return TV.Fma(p, r * r, r);
    }

    /// <summary>eˣ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Exp<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        var r = Reduce(TV.Clamp(x, TV.Of(ExpLow), TV.Of(ExpHigh)), out var n);
        return TV.Scale(Series(r) + TV.Of(1), n);
    }

    /// <summary>eˣ − 1 for x ≤ 24.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Expm1<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        // Below the lower bound the result is −1.
        var r = Reduce(TV.Clamp(x, TV.Of(-24), TV.Of(24)), out var n);
        var p = Series(r);
        // 2ⁿ(1 + p) − 1; 2ⁿ − 1 is exact, and zero near x = 0.
        var s = TV.PowerOfTwo(n);
        return TV.Fma(s, p, s - TV.Of(1));
    }

    /// <summary>Natural logarithm; −∞ at 0, NaN below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Log<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        var tiny = TV.Less(x, TV.Of(1.17549435e-38f));
        var m = TV.Split(TV.Select(tiny, x * TV.Of(8388608), x), out var e);
        e = TV.Select(tiny, e - TV.Of(23), e);
        // Cephes logf: log(1 + f) = f − f² / 2 + f³ · p(f).
        var f = m - TV.Of(1);
        var p = TV.Fma(TV.Of(7.0376836292e-2f), f, TV.Of(-1.1514610310e-1f));
        p = TV.Fma(p, f, TV.Of(1.1676998740e-1f));
        p = TV.Fma(p, f, TV.Of(-1.2420140846e-1f));
        p = TV.Fma(p, f, TV.Of(1.4249322787e-1f));
        p = TV.Fma(p, f, TV.Of(-1.6668057665e-1f));
        p = TV.Fma(p, f, TV.Of(2.0000714765e-1f));
        p = TV.Fma(p, f, TV.Of(-2.4999993993e-1f));
        p = TV.Fma(p, f, TV.Of(3.3333331174e-1f));
        var square = f * f;
        p = TV.Fma(e, TV.Of(Ln2Low), p * f * square);
        p = TV.Fma(TV.Of(-0.5f), square, p) + f;
        p = TV.Fma(e, TV.Of(Ln2High), p);
        p = TV.Select(TV.Less(x, TV.Of(float.PositiveInfinity)), p, x);
        p = TV.Select(TV.Less(x, TV.Of(float.Epsilon)), TV.Of(float.NegativeInfinity), p);
        return TV.Select(TV.Less(x, TV.Of(0)), TV.Of(float.NaN), p);
    }

    /// <summary>log(1 + x) for x in [0, 1]: 2 · artanh(x / (2 + x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Log1p<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        var s = x / (x + TV.Of(2));
        var z = s * s;
        var p = TV.Fma(TV.Of(1.1611962165e-1f), z, TV.Of(1.0853287900e-1f));
        p = TV.Fma(p, z, TV.Of(1.4296178997e-1f));
        p = TV.Fma(p, z, TV.Of(1.9999853166e-1f));
        p = TV.Fma(p, z, TV.Of(3.3333333660e-1f));
        s += s;
        return TV.Fma(p * z, s, s);
    }

    /// <summary>Hyperbolic tangent: (e²ˣ − 1) / (e²ˣ + 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Tanh<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        var a = TV.Abs(x);
        var t = Expm1(a + a);
        return TV.CopySign(t / (t + TV.Of(2)), x);
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Sigmoid<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        // Of e⁻ˣ and eˣ the one that cannot overflow.
        var e = Exp(-TV.Abs(x));
        return TV.Select(TV.Less(x, TV.Of(0)), e, TV.Of(1)) / (e + TV.Of(1));
    }

    // log(1 − erf t) and erf x / x after N. Juffa's erff.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV LogTail<TV>(TV t, TV square) where TV : unmanaged, IF32Vector<TV>
    {
        var q = TV.Fma(TV.Of(-1.72853470e-5f), t, TV.Of(3.83197126e-4f));
        var u = TV.Fma(TV.Of(-3.88396438e-3f), t, TV.Of(2.42546219e-2f));
        q = TV.Fma(q, square, u);
        q = TV.Fma(q, t, TV.Of(-1.06777877e-1f));
        q = TV.Fma(q, t, TV.Of(-6.34846687e-1f));
        q = TV.Fma(q, t, TV.Of(-1.28717512e-1f));
        return TV.Fma(q, t, -t);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Near<TV>(TV x, TV square) where TV : unmanaged, IF32Vector<TV>
    {
        var p = TV.Fma(TV.Of(-5.96761703e-4f), square, TV.Of(4.99119423e-3f));
        p = TV.Fma(p, square, TV.Of(-2.67681349e-2f));
        p = TV.Fma(p, square, TV.Of(1.12819925e-1f));
        p = TV.Fma(p, square, TV.Of(-3.76125336e-1f));
        p = TV.Fma(p, square, TV.Of(1.28379166e-1f));
        return TV.Fma(p, x, x);
    }

    private const float NearEnd = 0.927734375f;

    /// <summary>Error function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Erf<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        // From 4 on the result is ±1.
        var t = TV.Clamp(TV.Abs(x), TV.Of(0), TV.Of(4));
        var square = t * t;
        var far = TV.Of(1) - Exp(LogTail(t, square));
        return TV.CopySign(TV.Select(TV.Less(t, TV.Of(NearEnd)), Near(t, square), far), x);
    }

    /// <summary>Normal distribution function ½ · (1 + erf(x / √2)), without cancellation where x is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Normal<TV>(TV x) where TV : unmanaged, IF32Vector<TV>
    {
        var u = x * TV.Of(0.70710678118654752440f);
        var t = TV.Clamp(TV.Abs(u), TV.Of(0), TV.Of(10.5f));
        var square = t * t;
        var tail = TV.Of(0.5f) * Exp(LogTail(t, square));
        var near = TV.Fma(TV.Of(0.5f), TV.CopySign(Near(t, square), u), TV.Of(0.5f));
        return TV.Select(TV.Less(t, TV.Of(NearEnd)), near, TV.Select(TV.Less(u, TV.Of(0)), tail, TV.Of(1) - tail));
    }
}
