using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Loops over one row of attention scores, and over the vectors they weigh.</summary>
internal static unsafe class ScoreRow
{
    /// <summary>s ← s · scale + addend, the addend <paramref name="step"/> floats from a key to the next.</summary>
    public static void Plus(float* s, int n, float scale, float* addend, nint step)
    {
        int i = 0;
        if (step is 0 or 1)
            for (; i + Vector<float>.Count <= n; i += Vector<float>.Count)
                (Vector.Load(s + i) * scale + (step == 0 ? Vector.Create(*addend) : Vector.Load(addend + i))).Store(s + i);
        for (; i < n; i++) s[i] = s[i] * scale + addend[i * step];
    }

    /// <summary>s ← s · scale; the largest, −∞ for none, NaN where there is one.</summary>
    public static float ScaleMax(float* s, int n, float scale)
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (n >= Vector<float>.Count)
        {
            var max = Vector.Create(largest);
            for (; i + Vector<float>.Count <= n; i += Vector<float>.Count)
            {
                var v = Vector.Load(s + i) * scale;
                v.Store(s + i);
                max = Vector.Max(max, v);
            }
            for (int j = 0; j < Vector<float>.Count; j++) largest = MathF.Max(largest, max[j]);
        }
        for (; i < n; i++) largest = MathF.Max(largest, s[i] *= scale);
        return largest;
    }

    /// <summary>s ← e^(s − largest); the sum.</summary>
    public static float Exponentials(float* s, int n, float largest)
    {
        int i = 0;
        Vector<float> max = Vector.Create(largest), sums = Vector<float>.Zero;
        for (; i + Vector<float>.Count <= n; i += Vector<float>.Count)
        {
            var e = Lanes.Exp(Vector.Load(s + i) - max);
            e.Store(s + i);
            sums += e;
        }
        float sum = Vector.Sum(sums);
        for (; i < n; i++) sum += s[i] = Lanes.Exp(Vector.Create(s[i] - largest))[0];
        return sum;
    }

    /// <summary>Σ x·y.</summary>
    public static float Dot(float* x, float* y, int n)
    {
        Vector<float> a = Vector<float>.Zero, b = Vector<float>.Zero;
        int i = 0, w = Vector<float>.Count;
        for (; i + 2 * w <= n; i += 2 * w)
        {
            a = Vector.MultiplyAddEstimate(Vector.Load(x + i), Vector.Load(y + i), a);
            b = Vector.MultiplyAddEstimate(Vector.Load(x + i + w), Vector.Load(y + i + w), b);
        }
        float sum = Vector.Sum(a + b);
        for (; i < n; i++) sum += x[i] * y[i];
        return sum;
    }

    /// <summary>y ← y + factor · x.</summary>
    public static void AddScaled(float* y, float factor, float* x, int n)
    {
        int i = 0;
        var f = Vector.Create(factor);
        for (; i + Vector<float>.Count <= n; i += Vector<float>.Count) Vector.MultiplyAddEstimate(f, Vector.Load(x + i), Vector.Load(y + i)).Store(y + i);
        for (; i < n; i++) y[i] += factor * x[i];
    }

    /// <summary>y ← y · keep + x.</summary>
    public static void Blend(float* y, float keep, float* x, int n)
    {
        int i = 0;
        var k = Vector.Create(keep);
        for (; i + Vector<float>.Count <= n; i += Vector<float>.Count) Vector.MultiplyAddEstimate(k, Vector.Load(y + i), Vector.Load(x + i)).Store(y + i);
        for (; i < n; i++) y[i] = y[i] * keep + x[i];
    }

    /// <summary>y ← factor · x; y may be x.</summary>
    public static void Scale(float* x, float factor, float* y, int n)
    {
        int i = 0;
        for (; i + Vector<float>.Count <= n; i += Vector<float>.Count) (Vector.Load(x + i) * factor).Store(y + i);
        for (; i < n; i++) y[i] = x[i] * factor;
    }
}

/// <summary>
/// Softmax of rows whose scores come a block of keys at a time: the largest score and the sum so far. What was weighed before a larger
/// score turns up is to be multiplied by <see cref="Correction"/>; in the end everything by <see cref="Inverse"/>.
/// </summary>
internal readonly unsafe struct SoftmaxRows(float* memory, int rows)
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
        _total[row] = _total[row] * Correction[row] + ScoreRow.Exponentials(scores, n, from);
    }

    /// <summary>Sums become factors; a row of no weight gives zeros or NaN.</summary>
    public void Finish(int count, bool zeroWhereHidden)
    {
        for (int i = 0; i < count; i++) _total[i] = _total[i] == 0 ? zeroWhereHidden ? 0 : float.NaN : 1 / _total[i];
    }
}

/// <summary>A row's products times its factor.</summary>
internal readonly unsafe struct ScaleRows(float* factors) : IGemmEpilogue
{
    /// <inheritdoc/>
    public bool IsEmpty => false;

    /// <inheritdoc/>
    public void Apply(int row, int column, Span<float> values)
    {
        fixed (float* p = values) ScoreRow.Scale(p, factors[row], p, values.Length);
    }
}

/// <summary>Products added to sums whose rows are <paramref name="width"/> floats, those scaled by their row's factor before; the first ones replace them.</summary>
internal readonly unsafe struct AddRows(float* factors, float* sums, int width, bool first) : IGemmEpilogue
{
    /// <inheritdoc/>
    public bool IsEmpty => false;

    /// <inheritdoc/>
    public void Apply(int row, int column, Span<float> values)
    {
        float* to = sums + (nint)row * width + column;
        fixed (float* p = values)
        {
            if (first) ScoreRow.Scale(p, 1, to, values.Length);
            else ScoreRow.Blend(to, factors[row], p, values.Length);
        }
    }
}
