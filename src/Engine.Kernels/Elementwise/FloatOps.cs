using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>A function of one binary floating-point number, taken from the scalar library.</summary>
public interface IUnaryFloat
{
    /// <summary>The function.</summary>
    T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T>;
}

/// <summary><typeparamref name="TOp"/> at the type <typeparamref name="T"/>.</summary>
public readonly struct UnaryFloat<TOp, T>(TOp op) : IUnary<T, T> where TOp : struct, IUnaryFloat where T : IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public T Invoke(T x) => op.Invoke(x);
}

/// <summary>Sine.</summary>
public readonly struct SinOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Sin(x);
}

/// <summary>Cosine.</summary>
public readonly struct CosOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Cos(x);
}

/// <summary>Tangent.</summary>
public readonly struct TanOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Tan(x);
}

/// <summary>Inverse sine.</summary>
public readonly struct AsinOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Asin(x);
}

/// <summary>Inverse cosine.</summary>
public readonly struct AcosOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Acos(x);
}

/// <summary>Inverse tangent.</summary>
public readonly struct AtanOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Atan(x);
}

/// <summary>Hyperbolic sine.</summary>
public readonly struct SinhOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Sinh(x);
}

/// <summary>Hyperbolic cosine.</summary>
public readonly struct CoshOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Cosh(x);
}

/// <summary>Inverse hyperbolic sine.</summary>
public readonly struct AsinhOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Asinh(x);
}

/// <summary>Inverse hyperbolic cosine.</summary>
public readonly struct AcoshOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Acosh(x);
}

/// <summary>Inverse hyperbolic tangent.</summary>
public readonly struct AtanhOp : IUnaryFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x) where T : IBinaryFloatingPointIeee754<T> => T.Atanh(x);
}

/// <summary>1 where x is NaN.</summary>
public readonly struct IsNaNOp<T> : IUnary<T, byte> where T : IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public byte Invoke(T x) => T.IsNaN(x) ? (byte)1 : (byte)0;
}

/// <summary>1 where x is an infinity of a sign asked for.</summary>
public readonly struct IsInfOp<T>(bool negative, bool positive) : IUnary<T, byte> where T : IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public byte Invoke(T x) => negative && T.IsNegativeInfinity(x) || positive && T.IsPositiveInfinity(x) ? (byte)1 : (byte)0;
}
