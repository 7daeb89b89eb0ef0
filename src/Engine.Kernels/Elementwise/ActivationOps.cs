using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>max(x, 0); NaN stays NaN.</summary>
public readonly struct ReluOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.Max(x, Vector<T>.Zero);
}

/// <summary>min(max(x, low), high); NaN stays NaN.</summary>
public readonly struct ClipOp(double low, double high) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.Min(Vector.Max(x, Lanes.Of<T>(low)), Lanes.Of<T>(high));
}

/// <summary>1 / (1 + e⁻ˣ).</summary>
public readonly struct SigmoidOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Sigmoid(x);
}

/// <summary>Hyperbolic tangent.</summary>
public readonly struct TanhOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Tanh(x);
}

/// <summary>alpha · tanh(beta · x).</summary>
public readonly struct ScaledTanhOp(float alpha, float beta) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Of<T>(alpha) * Lanes.Tanh(Lanes.Of<T>(beta) * x);
}

/// <summary>alpha · x + beta.</summary>
public readonly struct AffineOp(float alpha, float beta) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Of<T>(alpha) * x + Lanes.Of<T>(beta);
}

/// <summary>x, or alpha · x below zero.</summary>
public readonly struct LeakyReluOp(float alpha) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), Lanes.Of<T>(alpha) * x, x);
}

/// <summary>x above alpha, else zero.</summary>
public readonly struct ThresholdedReluOp(float alpha) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.LessThanOrEqual(x, Lanes.Of<T>(alpha)), Vector<T>.Zero, x);
}

/// <summary>min(max(alpha · x + beta, 0), 1).</summary>
public readonly struct HardSigmoidOp(float alpha, float beta) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        Vector.Min(Vector.Max(Lanes.Of<T>(alpha) * x + Lanes.Of<T>(beta), Vector<T>.Zero), Lanes.Of<T>(1));
}

/// <summary>x · min(max(x / 6 + ½, 0), 1).</summary>
public readonly struct HardSwishOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        x * Vector.Min(Vector.Max(x * Lanes.Of<T>(1.0 / 6) + Lanes.Of<T>(0.5), Vector<T>.Zero), Lanes.Of<T>(1));
}

/// <summary>x, or alpha · (eˣ − 1) below zero.</summary>
public readonly struct EluOp(float alpha) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), Lanes.Of<T>(alpha) * Lanes.Expm1(x), x);
}

/// <summary>max(x, 0) + min(0, alpha · (e^(x / alpha) − 1)).</summary>
public readonly struct CeluOp(float alpha) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        Vector.Max(x, Vector<T>.Zero) + Vector.Min(Lanes.Of<T>(alpha) * Lanes.Expm1(x / Lanes.Of<T>(alpha)), Vector<T>.Zero);
}

/// <summary>gamma · x, or gamma · alpha · (eˣ − 1) at and below zero.</summary>
public readonly struct SeluOp(float alpha, float gamma) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        Lanes.Of<T>(gamma) * Vector.ConditionalSelect(Vector.LessThanOrEqual(x, Vector<T>.Zero), Lanes.Of<T>(alpha) * Lanes.Expm1(x), x);
}

/// <summary>log(1 + eˣ).</summary>
public readonly struct SoftplusOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.Max(x, Vector<T>.Zero) + Lanes.Log1p(Lanes.Exp(-Vector.Abs(x)));
}

/// <summary>x / (1 + |x|).</summary>
public readonly struct SoftsignOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => x / (Lanes.Of<T>(1) + Vector.Abs(x));
}

/// <summary>½ · x · (1 + erf(x / √2)).</summary>
public readonly struct GeluOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Of<T>(0.5) * x * (Lanes.Of<T>(1) + Lanes.Erf(x * Lanes.Of<T>(0.70710678118654752440)));
}

/// <summary>½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).</summary>
public readonly struct GeluTanhOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        Lanes.Of<T>(0.5) * x * (Lanes.Of<T>(1) + Lanes.Tanh(Lanes.Of<T>(0.79788456080286535588) * (x + Lanes.Of<T>(0.044715) * x * x * x)));
}

/// <summary>x · sigmoid(alpha · x): SiLU at alpha = 1, QuickGelu at 1.702.</summary>
public readonly struct SwishOp(float alpha) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => x * Lanes.Sigmoid(Lanes.Of<T>(alpha) * x);
}

/// <summary>x · tanh(log(1 + eˣ)).</summary>
public readonly struct MishOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T>
    {
        // tanh(log(1 + e)) = e(e + 2) / (e(e + 2) + 2); from x = 40 on it is 1 in binary64 too.
        var e = Lanes.Exp(Vector.Min(x, Lanes.Of<T>(40)));
        var n = e * (e + Lanes.Of<T>(2));
        return x * (n / (n + Lanes.Of<T>(2)));
    }
}
