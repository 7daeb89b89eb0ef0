using System.Numerics;

namespace Engine.Kernels;

/// <summary>As many lanes of f64 as <typeparamref name="TV"/> has of f32, in two vectors: what sums of f32 accumulate in.</summary>
/// <typeparam name="TSelf">The implementing type.</typeparam>
/// <typeparam name="TV">The lanes of f32.</typeparam>
internal unsafe interface IF64Vector<TSelf, TV> : IAdditionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>
    where TSelf : unmanaged, IF64Vector<TSelf, TV> where TV : unmanaged, IF32Vector<TV>
{
    /// <summary>The value in every lane.</summary>
    static abstract TSelf Of(double v);

    /// <summary>All lanes from memory.</summary>
    static abstract TSelf Load(double* x);

    /// <summary>All lanes to memory.</summary>
    void Store(double* y);

    /// <summary>f32 from memory.</summary>
    static abstract TSelf Widen(float* x);

    /// <summary>f32 lane by lane.</summary>
    static abstract TSelf Widen(TV x);

    /// <summary>|x|.</summary>
    static abstract TSelf Abs(TSelf x);

    /// <summary>Adds a · b.</summary>
    void AddProduct(TSelf a, TSelf b);

    /// <summary>Sum of the lanes, in an order that depends on nothing else.</summary>
    static abstract double Sum(TSelf x);
}
