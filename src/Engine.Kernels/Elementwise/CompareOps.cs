using System.Numerics;

namespace Engine.Kernels;

/// <summary>A relation of two numbers.</summary>
public interface IRelation
{
    /// <summary>True when it holds; false where either is NaN.</summary>
    bool Holds<T>(T a, T b) where T : INumber<T>;
}

/// <summary>1 where <typeparamref name="TRelation"/> holds, else 0.</summary>
public readonly struct Compare<TRelation, T> : IBinary<T, T, byte> where TRelation : struct, IRelation where T : INumber<T>
{
    /// <inheritdoc/>
    public byte Invoke(T a, T b) => default(TRelation).Holds(a, b) ? (byte)1 : (byte)0;
}

/// <summary>a = b.</summary>
public readonly struct EqualOp : IRelation
{
    /// <inheritdoc/>
    public bool Holds<T>(T a, T b) where T : INumber<T> => a == b;
}

/// <summary>a &gt; b.</summary>
public readonly struct GreaterOp : IRelation
{
    /// <inheritdoc/>
    public bool Holds<T>(T a, T b) where T : INumber<T> => a > b;
}

/// <summary>a ≥ b.</summary>
public readonly struct GreaterOrEqualOp : IRelation
{
    /// <inheritdoc/>
    public bool Holds<T>(T a, T b) where T : INumber<T> => a >= b;
}

/// <summary>a &lt; b.</summary>
public readonly struct LessOp : IRelation
{
    /// <inheritdoc/>
    public bool Holds<T>(T a, T b) where T : INumber<T> => a < b;
}

/// <summary>a ≤ b.</summary>
public readonly struct LessOrEqualOp : IRelation
{
    /// <inheritdoc/>
    public bool Holds<T>(T a, T b) where T : INumber<T> => a <= b;
}
