using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// A vector of f32 lanes of one width, so that a formula is written once for every width. A lane's result depends on that lane alone,
/// whatever its place; between widths results agree where <see cref="Fma"/> rounds once on both.
/// </summary>
/// <typeparam name="TSelf">The implementing type.</typeparam>
internal unsafe interface IF32Vector<TSelf> : IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>, IUnaryNegationOperators<TSelf, TSelf>
    where TSelf : unmanaged, IF32Vector<TSelf>
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    /// <summary>The value in every lane.</summary>
    static abstract TSelf Of(float v);

    /// <summary>All lanes from memory.</summary>
    static abstract TSelf Load(float* x);

    /// <summary>The first <paramref name="n"/> lanes, fewer than all, from memory; nothing behind them is read; the others are zero.</summary>
    static abstract TSelf Load(float* x, int n);

    /// <summary>As <see cref="Load(float*, int)"/>; the other lanes are those of <paramref name="rest"/>.</summary>
    static abstract TSelf Load(float* x, int n, TSelf rest);

    /// <summary>All lanes to memory.</summary>
    void Store(float* y);

    /// <summary>The first <paramref name="n"/> lanes, fewer than all, to memory; nothing behind them is written.</summary>
    void Store(float* y, int n);

    /// <summary>a · b + c; rounded once where the CPU has such an instruction.</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    /// <summary>Adds a · b, rounded as <see cref="Fma"/> is. A sum that a loop keeps in a register stays in it; assigned the result of <see cref="Fma"/> it is copied at every step.</summary>
    void AddProduct(TSelf a, TSelf b);

    /// <summary>As <see cref="AddProduct(TSelf, TSelf)"/> of all lanes from memory: one instruction.</summary>
    void AddProduct(TSelf a, float* x);

    /// <summary>The smaller; NaN where either is.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The larger; NaN where either is.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The larger, cheaper than <see cref="Max"/>; b or NaN where either is NaN.</summary>
    static abstract TSelf Larger(TSelf a, TSelf b);

    /// <summary>min(max(x, low), high), cheaper than <see cref="Min"/> and <see cref="Max"/>; NaN stays, the bounds are numbers.</summary>
    static abstract TSelf Clamp(TSelf x, TSelf low, TSelf high);

    /// <summary>Square root.</summary>
    static abstract TSelf Sqrt(TSelf x);

    /// <summary>|x|.</summary>
    static abstract TSelf Abs(TSelf x);

    /// <summary>The magnitude of x with the sign of s.</summary>
    static abstract TSelf CopySign(TSelf x, TSelf s);

    /// <summary>The nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>All bits set where a &lt; b.</summary>
    static abstract TSelf Less(TSelf a, TSelf b);

    /// <summary>a where the mask is set, else b.</summary>
    static abstract TSelf Select(TSelf mask, TSelf a, TSelf b);

    /// <summary>x · 2ⁿ with one rounding; n is a whole number in [−152, 130], x in [½, 2].</summary>
    static abstract TSelf Scale(TSelf x, TSelf n);

    /// <summary>2ⁿ; n is a whole number in [−126, 127].</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>x = m · 2ᵉ with m in [√½, √2), for positive normal x; anything for others.</summary>
    static abstract TSelf Split(TSelf x, out TSelf e);

    /// <summary>Sum of the lanes, in an order that depends on nothing else.</summary>
    static abstract float Sum(TSelf x);

    /// <summary>Largest lane; NaN where there is one.</summary>
    static abstract float Largest(TSelf x);

    /// <summary>Largest lane, cheaper than <see cref="Largest"/>; where there is a NaN, some lane.</summary>
    static abstract float LargestNumber(TSelf x);
}
