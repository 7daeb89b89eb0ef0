using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>a + b.</summary>
public readonly struct AddOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a + b;
}

/// <summary>a − b.</summary>
public readonly struct SubOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a - b;
}

/// <summary>a · b.</summary>
public readonly struct MulOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a * b;
}

/// <summary>a / b in floating point.</summary>
public readonly struct DivOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a / b;
}

/// <summary>The larger; NaN where either is.</summary>
public readonly struct MaxOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.Max(a, b);
}

/// <summary>The smaller; NaN where either is.</summary>
public readonly struct MinOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.Min(a, b);
}

/// <summary>a, or a · b where a is below zero.</summary>
public readonly struct PReluOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.ConditionalSelect(Vector.LessThan(a, Vector<T>.Zero), a * b, a);
}

/// <summary>Bits set in both.</summary>
public readonly struct BitwiseAndOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a & b;
}

/// <summary>Bits set in either.</summary>
public readonly struct BitwiseOrOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a | b;
}

/// <summary>Bits set in one.</summary>
public readonly struct BitwiseXorOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => a ^ b;
}

/// <summary>Both true; operands are 0 or not 0, results 0 or 1.</summary>
public readonly struct AndOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.Min(Vector.Min(a, b), Vector<T>.One);
}

/// <summary>Either true; operands are 0 or not 0, results 0 or 1.</summary>
public readonly struct OrOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.Min(a | b, Vector<T>.One);
}

/// <summary>One true; operands are 0 or not 0, results 0 or 1.</summary>
public readonly struct XorOp : IBinarySimd
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => Vector.Min(a, Vector<T>.One) ^ Vector.Min(b, Vector<T>.One);
}

/// <summary>Truncated quotient; division by zero is an <see cref="OperatorException"/>, the smallest number by −1 wraps to itself.</summary>
public readonly struct IntegerDivOp<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
{
    /// <inheritdoc/>
    public T Invoke(T a, T b) => T.IsZero(b) ? throw Fault.DivideByZero() : Fault.IsMinusOne(b) ? unchecked(T.Zero - a) : a / b;
}

/// <summary>Remainder with the divisor's sign (Python), or the dividend's (C) when <paramref name="truncated"/>.</summary>
public readonly struct IntegerModOp<T>(bool truncated) : IBinary<T, T, T> where T : IBinaryInteger<T>
{
    /// <inheritdoc/>
    public T Invoke(T a, T b)
    {
        if (T.IsZero(b)) throw Fault.DivideByZero();
        if (Fault.IsMinusOne(b)) return T.Zero;
        var r = a % b;
        return !truncated && !T.IsZero(r) && T.IsNegative(r) != T.IsNegative(b) ? r + b : r;
    }
}

/// <summary>As <see cref="IntegerModOp{T}"/>, for floats; the remainder by zero is NaN.</summary>
public readonly struct FloatModOp<T>(bool truncated) : IBinary<T, T, T> where T : IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public T Invoke(T a, T b)
    {
        var r = a % b;
        return !truncated && !T.IsZero(r) && T.IsNegative(r) != T.IsNegative(b) ? r + b : r;
    }
}

/// <summary>a shifted by b bits; by the type's width or more gives 0.</summary>
public readonly struct ShiftOp<T>(bool left) : IBinary<T, T, T> where T : unmanaged, IBinaryInteger<T>
{
    /// <inheritdoc/>
    public T Invoke(T a, T b)
    {
        int bits = Unsafe.SizeOf<T>() * 8;
        if (b >= T.CreateTruncating(bits)) return T.Zero;
        int n = int.CreateTruncating(b);
        return left ? a << n : a >>> n;
    }
}

/// <summary>aᵇ in the type of a. Integers: by repeated squaring, wrapping; a negative exponent truncates 1 / aᵇ towards zero.</summary>
public readonly struct PowOp<T, TExponent> : IBinary<T, TExponent, T> where T : unmanaged, INumber<T> where TExponent : unmanaged, INumber<TExponent>
{
    /// <inheritdoc/>
    public T Invoke(T a, TExponent b)
    {
        if (typeof(T) == typeof(float) && typeof(TExponent) == typeof(float)) return (T)(object)MathF.Pow((float)(object)a, (float)(object)b);
        bool integers = typeof(T) != typeof(float) && typeof(T) != typeof(double) && typeof(TExponent) != typeof(float) && typeof(TExponent) != typeof(double);
        return integers ? Power(a, b) : T.CreateSaturating(Math.Pow(double.CreateTruncating(a), double.CreateTruncating(b)));
    }

    private static T Power(T a, TExponent b)
    {
        if (TExponent.IsNegative(b)) return a == T.One ? a : T.IsZero(a + T.One) ? TExponent.IsOddInteger(b) ? a : T.One : T.Zero;
        var power = T.One;
        for (ulong n = ulong.CreateTruncating(b); n != 0; n >>= 1, a *= a) if ((n & 1) != 0) power *= a;
        return power;
    }
}

file static class Fault
{
    public static bool IsMinusOne<T>(T v) where T : IBinaryInteger<T> => T.IsNegative(v) && v == T.AllBitsSet;

    public static OperatorException DivideByZero() => new("integer division by zero");
}
