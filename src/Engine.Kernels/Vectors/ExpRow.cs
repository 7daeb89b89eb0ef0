using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>
/// eˣ of a row, as <see cref="F32Math.Exp"/> computes it. Its constants come from memory that the JIT knows nothing of: it then keeps them in registers, where it
/// would read what it knows to be constant anew for every vector, and the reads would take longer than the sums.
/// </summary>
internal static unsafe class ExpRow<TV> where TV : unmanaged, IF32Vector<TV>
{
    /// <summary>y[i] = e^(x[i] − shift); the sum, in an order that depends on <paramref name="count"/> alone. y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Run(float* x, float* y, nint count, float shift)
    {
        float* k = ExpConstants.Values;
        TV low = TV.Of(k[0]), high = TV.Of(k[1]), log2E = TV.Of(k[2]), ln2High = TV.Of(k[3]), ln2Low = TV.Of(k[4]), one = TV.Of(k[5]);
        TV c6 = TV.Of(k[6]), c5 = TV.Of(k[7]), c4 = TV.Of(k[8]), c3 = TV.Of(k[9]), c2 = TV.Of(k[10]), c1 = TV.Of(k[11]);
        TV less = TV.Of(shift), a = TV.Of(0), b = a;
        nint i = 0;
        for (; i <= count - 2 * TV.Count; i += 2 * TV.Count)
        {
            TV u = TV.Clamp(TV.Load(x + i) - less, low, high), v = TV.Clamp(TV.Load(x + i + TV.Count) - less, low, high);
            TV n = TV.Round(u * log2E), m = TV.Round(v * log2E);
            u = TV.Fma(n, ln2Low, TV.Fma(n, ln2High, u));
            v = TV.Fma(m, ln2Low, TV.Fma(m, ln2High, v));
            TV p = TV.Fma(c6, u, c5), q = TV.Fma(c6, v, c5);
            p = TV.Fma(p, u, c4);
            q = TV.Fma(q, v, c4);
            p = TV.Fma(p, u, c3);
            q = TV.Fma(q, v, c3);
            p = TV.Fma(p, u, c2);
            q = TV.Fma(q, v, c2);
            p = TV.Fma(p, u, c1);
            q = TV.Fma(q, v, c1);
            p = TV.Scale(TV.Fma(p, u * u, u) + one, n);
            q = TV.Scale(TV.Fma(q, v * v, v) + one, m);
            p.Store(y + i);
            q.Store(y + i + TV.Count);
            a += p;
            b += q;
        }
        float sum = TV.Sum(a + b);
        return i < count ? sum + Rest(x + i, y + i, (int)(count - i), shift) : sum;
    }

    // Fewer elements than two vectors. Missing ones add e^−∞.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Rest(float* x, float* y, int count, float shift)
    {
        TV sum = TV.Of(0), less = TV.Of(shift);
        for (; count > 0; count -= TV.Count, x += TV.Count, y += TV.Count)
        {
            var e = F32Math.Exp((count >= TV.Count ? TV.Load(x) : TV.Load(x, count, TV.Of(float.NegativeInfinity))) - less);
            sum += e;
            if (count >= TV.Count) e.Store(y);
            else e.Store(y, count);
        }
        return TV.Sum(sum);
    }
}

/// <summary>The constants of <see cref="F32Math.Exp"/> in memory.</summary>
internal static unsafe class ExpConstants
{
    /// <summary>Bounds of the argument, log₂ e, − ln 2 in two parts, 1, and the series from its last coefficient on.</summary>
    public static readonly float* Values = Make();

    private static float* Make()
    {
        ReadOnlySpan<float> values = [F32Math.ExpLow, F32Math.ExpHigh, F32Math.Log2E, -F32Math.Ln2High, -F32Math.Ln2Low, 1, F32Math.Series6, F32Math.Series5, F32Math.Series4, F32Math.Series3, F32Math.Series2, F32Math.Series1];
        float* memory = (float*)NativeMemory.Alloc((nuint)values.Length, sizeof(float));
        values.CopyTo(new(memory, values.Length));
        return memory;
    }
}
