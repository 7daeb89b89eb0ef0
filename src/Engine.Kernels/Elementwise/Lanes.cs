using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Functions on vectors of binary32 and binary64 lanes. A lane's result depends on that lane alone, so it is the same wherever an
/// element falls in a vector. binary32: polynomials, within 2 ULP; binary64: the scalar library, lane by lane.
/// </summary>
public static class Lanes
{
    /// <summary>The constant in every lane; folds to a literal for floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Of<T>(double v) where T : unmanaged, INumberBase<T>
    {
        if (typeof(T) == typeof(float)) return Vector.As<float, T>(Vector.Create((float)v));
        if (typeof(T) == typeof(double)) return Vector.As<double, T>(Vector.Create(v));
        return Vector.Create(T.CreateTruncating(v));
    }

    /// <summary>eˣ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Exp<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Exp(Vector.As<T, float>(x))) : Each<ExpScalar, T>(x);

    /// <summary>eˣ − 1, accurate near zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Expm1<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Expm1(Vector.As<T, float>(x))) : Each<Expm1Scalar, T>(x);

    /// <summary>Natural logarithm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Vector.Log(Vector.As<T, float>(x))) : Each<LogScalar, T>(x);

    /// <summary>log(1 + x), accurate near zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log1p<T>(Vector<T> x) where T : unmanaged, INumberBase<T>
    {
        // log(w) · x / (w − 1) undoes the rounding of w = 1 + x; where w rounds to 1 the answer is x.
        var one = Of<T>(1);
        var w = one + x;
        return Vector.ConditionalSelect(Vector.Equals(w, one), x, Log(w) * (x / (w - one)));
    }

    /// <summary>Hyperbolic tangent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Tanh<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Tanh(Vector.As<T, float>(x))) : Each<TanhScalar, T>(x);

    /// <summary>Error function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Erf<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Erf(Vector.As<T, float>(x))) : Each<ErfScalar, T>(x);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Sigmoid<T>(Vector<T> x) where T : unmanaged, INumberBase<T> => Of<T>(1) / (Of<T>(1) + Exp(-x));

    /// <summary>The largest integer not above x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Floor<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Vector.Floor(Vector.As<T, float>(x))) : Vector.As<double, T>(Vector.Floor(Vector.As<T, double>(x)));

    /// <summary>The smallest integer not below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Ceiling<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Vector.Ceiling(Vector.As<T, float>(x))) : Vector.As<double, T>(Vector.Ceiling(Vector.As<T, double>(x)));

    /// <summary>The nearest integer, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Round<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? Vector.As<float, T>(Vector.Round(Vector.As<T, float>(x))) : Vector.As<double, T>(Vector.Round(Vector.As<T, double>(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Fma(Vector<float> a, Vector<float> b, float c) => Vector.MultiplyAddEstimate(a, b, Vector.Create(c));

    // Cephes expf: x = n·ln2 + r, |r| ≤ ln2 / 2. 2ⁿ is applied in two halves, so that subnormal and infinite results come out right.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Exp(Vector<float> x)
    {
        x = Vector.Min(Vector.Max(x, Vector.Create(-105f)), Vector.Create(89f));
        var n = Vector.Round(x * 1.44269504088896341f);
        var r = Vector.MultiplyAddEstimate(n, Vector.Create(-0.693359375f), x);
        r = Vector.MultiplyAddEstimate(n, Vector.Create(2.12194440e-4f), r);
        var p = Fma(Vector.Create(1.9875691500e-4f), r, 1.3981999507e-3f);
        p = Fma(p, r, 8.3334519073e-3f);
        p = Fma(p, r, 4.1665795894e-2f);
        p = Fma(p, r, 1.6666665459e-1f);
        p = Fma(p, r, 5.0000001201e-1f);
        p = Vector.MultiplyAddEstimate(p, r * r, r) + Vector<float>.One;
        var e = Vector.ConvertToInt32(n);
        var low = e >> 1;
        return p * PowerOfTwo(low) * PowerOfTwo(e - low);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> e) => Vector.As<int, float>((e + Vector.Create(127)) << 23);

    // Below ½ the Taylor series to x⁸ leaves 1e-8; above it nothing cancels.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Expm1(Vector<float> x)
    {
        var p = Fma(Vector.Create(1f / 40320), x, 1f / 5040);
        p = Fma(p, x, 1f / 720);
        p = Fma(p, x, 1f / 120);
        p = Fma(p, x, 1f / 24);
        p = Fma(p, x, 1f / 6);
        p = Fma(p, x, 0.5f);
        p = Vector.MultiplyAddEstimate(p, x * x, x);
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(x), Vector.Create(0.5f)), p, Exp(x) - Vector<float>.One);
    }

    // Cephes tanhf.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Tanh(Vector<float> x)
    {
        var a = Vector.Abs(x);
        var s = x * x;
        var p = Fma(Vector.Create(-5.70498872745e-3f), s, 2.06390887954e-2f);
        p = Fma(p, s, -5.37397155531e-2f);
        p = Fma(p, s, 1.33314422036e-1f);
        p = Fma(p, s, -3.33332819422e-1f);
        p = Vector.MultiplyAddEstimate(p * s, x, x);
        var far = Vector.CopySign(Vector<float>.One - Vector.Create(2f) / (Exp(a + a) + Vector<float>.One), x);
        return Vector.ConditionalSelect(Vector.LessThan(a, Vector.Create(0.625f)), p, far);
    }

    // N. Juffa's erff: 1 − exp(polynomial) above 475/512, an odd polynomial below.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Erf(Vector<float> x)
    {
        var t = Vector.Abs(x);
        var s = x * x;
        var q = Fma(Vector.Create(-1.72853470e-5f), t, 3.83197126e-4f);
        var u = Fma(Vector.Create(-3.88396438e-3f), t, 2.42546219e-2f);
        q = Vector.MultiplyAddEstimate(q, s, u);
        q = Fma(q, t, -1.06777877e-1f);
        q = Fma(q, t, -6.34846687e-1f);
        q = Fma(q, t, -1.28717512e-1f);
        q = Vector.MultiplyAddEstimate(q, t, -t);
        var far = Vector.CopySign(Vector<float>.One - Exp(q), x);
        var p = Fma(Vector.Create(-5.96761703e-4f), s, 4.99119423e-3f);
        p = Fma(p, s, -2.67681349e-2f);
        p = Fma(p, s, 1.12819925e-1f);
        p = Fma(p, s, -3.76125336e-1f);
        p = Fma(p, s, 1.28379166e-1f);
        p = Vector.MultiplyAddEstimate(p, x, x);
        return Vector.ConditionalSelect(Vector.GreaterThan(t, Vector.Create(0.927734375f)), far, p);
    }

    private interface IScalar
    {
        static abstract double Invoke(double x);
    }

    private readonly struct ExpScalar : IScalar { public static double Invoke(double x) => Math.Exp(x); }
    private readonly struct LogScalar : IScalar { public static double Invoke(double x) => Math.Log(x); }
    private readonly struct TanhScalar : IScalar { public static double Invoke(double x) => Math.Tanh(x); }
    private readonly struct ErfScalar : IScalar { public static double Invoke(double x) => ScalarMath.Erf(x); }
    private readonly struct Expm1Scalar : IScalar { public static double Invoke(double x) => ScalarMath.Expm1(x); }

    private static Vector<T> Each<TOp, T>(Vector<T> x) where TOp : struct, IScalar where T : unmanaged, INumberBase<T>
    {
        if (typeof(T) != typeof(double)) throw new NotSupportedException($"no lanes of {typeof(T).Name}");
        var d = Vector.As<T, double>(x);
        Span<double> lanes = stackalloc double[Vector<double>.Count];
        for (int i = 0; i < lanes.Length; i++) lanes[i] = TOp.Invoke(d[i]);
        return Vector.As<double, T>(new Vector<double>(lanes));
    }
}
