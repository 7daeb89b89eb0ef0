using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>|x|.</summary>
public readonly struct AbsOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.Abs(x);
}

/// <summary>−x.</summary>
public readonly struct NegOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => -x;
}

/// <summary>−1, 0 or 1; NaN stays NaN.</summary>
public readonly struct SignOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.GreaterThan(x, Vector<T>.Zero), Lanes.Of<T>(1), Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), Lanes.Of<T>(-1), x - x));
}

/// <summary>1 / x.</summary>
public readonly struct ReciprocalOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Of<T>(1) / x;
}

/// <summary>√x.</summary>
public readonly struct SqrtOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.SquareRoot(x);
}

/// <summary>x².</summary>
public readonly struct SquareOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => x * x;
}

/// <summary>x³.</summary>
public readonly struct CubeOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => x * x * x;
}

/// <summary>The largest integer not above x.</summary>
public readonly struct FloorOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Floor(x);
}

/// <summary>The smallest integer not below x.</summary>
public readonly struct CeilOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Ceiling(x);
}

/// <summary>The nearest integer, ties to even.</summary>
public readonly struct RoundOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Round(x);
}

/// <summary>eˣ.</summary>
public readonly struct ExpOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Exp(x);
}

/// <summary>Natural logarithm.</summary>
public readonly struct LogOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Log(x);
}

/// <summary>Error function.</summary>
public readonly struct ErfOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Lanes.Erf(x);
}

/// <summary>Every bit inverted.</summary>
public readonly struct BitwiseNotOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => ~x;
}

/// <summary>1 where x is 0, else 0.</summary>
public readonly struct NotOp : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.Equals(x, Vector<T>.Zero), Vector<T>.One, Vector<T>.Zero);
}

/// <summary>x + bias below −lambd, x − bias above lambd, else 0.</summary>
public readonly struct ShrinkOp(float bias, float lambd) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> =>
        Vector.ConditionalSelect(Vector.LessThan(x, Lanes.Of<T>(-lambd)), x + Lanes.Of<T>(bias), Vector.ConditionalSelect(Vector.GreaterThan(x, Lanes.Of<T>(lambd)), x - Lanes.Of<T>(bias), Vector<T>.Zero));
}

/// <summary><see cref="ShrinkOp"/> on integers: the bias moves them in real arithmetic, then they truncate.</summary>
public readonly struct IntegerShrinkOp<T>(float bias, float lambd) : IUnary<T, T> where T : INumber<T>
{
    /// <inheritdoc/>
    public T Invoke(T x)
    {
        double v = double.CreateTruncating(x);
        return v < -lambd ? T.CreateSaturating(v + bias) : v > lambd ? T.CreateSaturating(v - bias) : T.Zero;
    }
}

/// <summary>x · factor.</summary>
public readonly struct ScaleOp(double factor) : IUnarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T> => x * Lanes.Of<T>(factor);
}
