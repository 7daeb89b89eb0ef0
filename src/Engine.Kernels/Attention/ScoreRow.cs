using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Loops over one row of attention scores, and over the vectors they weigh.</summary>
internal static unsafe class ScoreRow<TV> where TV : unmanaged, IF32Vector<TV>
{
    /// <summary>The first of <paramref name="n"/> floats as a vector, zeros beyond them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Load(float* x, int n) => n >= TV.Count ? TV.Load(x) : TV.Load(x, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Load(float* x, int n, TV rest) => n >= TV.Count ? TV.Load(x) : TV.Load(x, n, rest);

    /// <summary>Stores no more than <paramref name="n"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TV v, float* y, int n)
    {
        if (n >= TV.Count) v.Store(y);
        else v.Store(y, n);
    }

    /// <summary>s ← s · scale + addend, the addend <paramref name="step"/> floats from a key to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Plus(float* s, int n, float scale, float* addend, nint step)
    {
        if (step is not (0 or 1))
        {
            for (int i = 0; i < n; i++) s[i] = s[i] * scale + addend[i * step];
            return;
        }
        TV factor = TV.Of(scale), same = TV.Of(*addend);
        for (int i = 0; i < n; i += TV.Count) Store(TV.Fma(Load(s + i, n - i), factor, step == 0 ? same : Load(addend + i, n - i)), s + i, n - i);
    }

    /// <summary>The largest of s · scale, −∞ for none, where there is a NaN some number or NaN; the products are stored unless the scale is 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ScaleMax(float* s, int n, float scale)
    {
        // Lanes beyond the row become −∞, or 0 as the others do.
        TV max = TV.Of(float.NegativeInfinity), factor = TV.Of(scale), beyond = TV.Of(scale > 0 ? float.NegativeInfinity : scale < 0 ? float.PositiveInfinity : 0);
        for (int i = 0; i < n; i += TV.Count)
        {
            var v = Load(s + i, n - i, beyond);
            if (scale != 1)
            {
                v *= factor;
                Store(v, s + i, n - i);
            }
            max = TV.Larger(v, max);
        }
        return TV.LargestNumber(max);
    }

    /// <summary>Σ x·y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* x, float* y, int n)
    {
        TV a = TV.Of(0), b = a;
        int i = 0;
        for (; i + 2 * TV.Count <= n; i += 2 * TV.Count)
        {
            a.AddProduct(TV.Load(x + i), TV.Load(y + i));
            b.AddProduct(TV.Load(x + i + TV.Count), TV.Load(y + i + TV.Count));
        }
        for (; i < n; i += TV.Count) a.AddProduct(Load(x + i, n - i), Load(y + i, n - i));
        return TV.Sum(a + b);
    }

    /// <summary>y ← y · keep + x · factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Blend(float* y, float keep, float* x, float factor, int n)
    {
        TV k = TV.Of(keep), f = TV.Of(factor);
        for (int i = 0; i < n; i += TV.Count) Store(TV.Fma(Load(x + i, n - i), f, Load(y + i, n - i) * k), y + i, n - i);
    }

    /// <summary>y ← factor · x; y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* x, float factor, float* y, int n)
    {
        var f = TV.Of(factor);
        for (int i = 0; i < n; i += TV.Count) Store(Load(x + i, n - i) * f, y + i, n - i);
    }
}

/// <summary>
/// Softmax of rows whose scores come a block of keys at a time: the largest score and the sum so far. What was weighed before a larger
/// score turns up is to be multiplied by <see cref="Correction"/>; in the end everything by <see cref="Inverse"/>.
/// </summary>
internal readonly unsafe struct SoftmaxRows<TV>(float* memory, int rows) where TV : unmanaged, IF32Vector<TV>
{
    private readonly float* _largest = memory, _total = memory + rows;

    /// <summary>Factors of a row's earlier blocks; after <see cref="Finish"/> of a single block, of no use.</summary>
    public readonly float* Correction = memory + 2 * rows;

    /// <summary>1 / sum, once finished.</summary>
    public float* Inverse => _total;

    /// <summary>Starts rows anew.</summary>
    public void Reset(int count)
    {
        for (int i = 0; i < count; i++) (_largest[i], _total[i]) = (float.NegativeInfinity, 0);
    }

    /// <summary>Turns a row's next scores, the largest of which is given, into weights.</summary>
    public void Add(int row, float largest, float* scores, int n)
    {
        float old = _largest[row], now = _largest[row] = MathF.Max(old, largest);
        // As long as every score is −∞, so is the largest, and any other number keeps the weights zero.
        float from = float.IsNegativeInfinity(now) ? 0 : now;
        Correction[row] = float.IsNegativeInfinity(old) ? 0 : MathF.Exp(old - from);
        _total[row] = _total[row] * Correction[row] + ExpRow<TV>.Run(scores, scores, n, from);
    }

    /// <summary>Sums become factors; a row of no weight gives zeros or NaN.</summary>
    public void Finish(int count, bool zeroWhereHidden)
    {
        for (int i = 0; i < count; i++) _total[i] = _total[i] == 0 ? zeroWhereHidden ? 0 : float.NaN : 1 / _total[i];
    }
}

/// <summary>A row's products times its factor.</summary>
internal readonly unsafe struct ScaleRows<TV>(float* factors) : IGemmEpilogue where TV : unmanaged, IF32Vector<TV>
{
    /// <inheritdoc/>
    public bool IsEmpty => false;

    /// <inheritdoc/>
    public void Apply(int row, int column, Span<float> values)
    {
        fixed (float* p = values) ScoreRow<TV>.Scale(p, factors[row], p, values.Length);
    }
}

/// <summary>Products added to sums whose rows are <paramref name="width"/> floats, those scaled by their row's factor before; the first ones replace them.</summary>
internal readonly unsafe struct AddRows<TV>(float* factors, float* sums, int width, bool first) : IGemmEpilogue where TV : unmanaged, IF32Vector<TV>
{
    /// <inheritdoc/>
    public bool IsEmpty => false;

    /// <inheritdoc/>
    public void Apply(int row, int column, Span<float> values)
    {
        float* to = sums + (nint)row * width + column;
        fixed (float* p = values)
        {
            if (first) ScoreRow<TV>.Scale(p, 1, to, values.Length);
            else ScoreRow<TV>.Blend(to, factors[row], p, 1, values.Length);
        }
    }
}
