using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>
/// Functions on vectors of binary32 and binary64 lanes. A lane's result depends on that lane alone, so it is the same wherever an
/// element falls in a vector. binary32: the formulas of <see cref="F32Math"/>; binary64: the scalar library, lane by lane.
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
        typeof(T) == typeof(float) ? F32<ExpLanes, T>(x) : Each<ExpScalar, T>(x);

    /// <summary>eˣ − 1 for x ≤ 24, accurate near zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Expm1<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? F32<Expm1Lanes, T>(x) : Each<Expm1Scalar, T>(x);

    /// <summary>Natural logarithm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? F32<LogLanes, T>(x) : Each<LogScalar, T>(x);

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
        typeof(T) == typeof(float) ? F32<TanhLanes, T>(x) : Each<TanhScalar, T>(x);

    /// <summary>Error function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Erf<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? F32<ErfLanes, T>(x) : Each<ErfScalar, T>(x);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Sigmoid<T>(Vector<T> x) where T : unmanaged, INumberBase<T> =>
        typeof(T) == typeof(float) ? F32<SigmoidLanes, T>(x) : Of<T>(1) / (Of<T>(1) + Exp(-x));

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

    private interface IF32Function
    {
        static abstract TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV>;
    }

    private readonly struct ExpLanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Exp(x);
    }

    private readonly struct Expm1Lanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Expm1(x);
    }

    private readonly struct LogLanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Log(x);
    }

    private readonly struct TanhLanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Tanh(x);
    }

    private readonly struct ErfLanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Erf(x);
    }

    private readonly struct SigmoidLanes : IF32Function
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TV Of<TV>(TV x) where TV : unmanaged, IF32Vector<TV> => F32Math.Sigmoid(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> F32<TFunction, T>(Vector<T> x) where TFunction : struct, IF32Function where T : unmanaged, INumberBase<T>
    {
        var v = Vector.As<T, float>(x);
        return Vector.As<float, T>(Vector<float>.Count switch
        {
            16 => TFunction.Of(new F32x16(v.AsVector512())).Value.AsVector(),
            8 => TFunction.Of(new F32x8(v.AsVector256())).Value.AsVector(),
            _ => TFunction.Of(new F32x4(v.AsVector128())).Value.AsVector(),
        });
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
