using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>What a scattered element and the one that is there make together.</summary>
public interface IScatterJoin<T>
{
    /// <summary>The element to store.</summary>
    static abstract T Join(T there, T comes);
}

/// <summary>The new element replaces the old.</summary>
public readonly struct ReplaceJoin<T> : IScatterJoin<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Join(T there, T comes) => comes;
}

/// <summary>Sum; integers wrap.</summary>
public readonly struct AddJoin<T> : IScatterJoin<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Join(T there, T comes) => unchecked(there + comes);
}

/// <summary>Product; integers wrap.</summary>
public readonly struct MulJoin<T> : IScatterJoin<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Join(T there, T comes) => unchecked(there * comes);
}

/// <summary>The lesser.</summary>
public readonly struct MinJoin<T> : IScatterJoin<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Join(T there, T comes) => T.Min(there, comes);
}

/// <summary>The greater.</summary>
public readonly struct MaxJoin<T> : IScatterJoin<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Join(T there, T comes) => T.Max(there, comes);
}
