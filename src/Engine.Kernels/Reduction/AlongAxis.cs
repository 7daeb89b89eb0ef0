using System.Numerics;

namespace Engine.Kernels;

/// <summary>Arg extremes and running sums of x[outer, length, inner] along the middle.</summary>
public static unsafe class AlongAxis
{
    private const int Chunk = 64;

    /// <summary>y[outer, inner] = index of the largest element (or smallest); of equal ones the first, or the last; NaN counts as most extreme.</summary>
    public static void ArgExtreme<T>(Workers workers, bool largest, bool last, int outer, int length, int inner, T* x, long* y) where T : unmanaged, INumber<T>
    {
        if (outer == 0 || length == 0 || inner == 0) return;
        int units = outer * ((inner + Chunk - 1) / Chunk);
        workers.For(units, (int)Math.Clamp(16384.0 / ((double)length * Math.Min(inner, Chunk)), 1, units), new ArgBody<T>(largest, last, length, inner, x, y));
    }

    private readonly struct ArgBody<T>(bool largest, bool last, int length, int inner, T* x, long* y) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            int chunks = (inner + Chunk - 1) / Chunk;
            T* best = stackalloc T[Chunk];
            for (int unit = start; unit < end; unit++)
            {
                int outer = unit / chunks, first = unit % chunks * Chunk, n = Math.Min(Chunk, inner - first);
                T* from = x + (nint)outer * length * inner + first;
                long* to = y + (nint)outer * inner + first;
                for (int j = 0; j < n; j++) (best[j], to[j]) = (from[j], 0);
                for (int k = 1; k < length; k++)
                {
                    from += inner;
                    for (int j = 0; j < n; j++)
                    {
                        T v = from[j], b = best[j];
                        if ((largest ? v > b : v < b) || last && v == b || T.IsNaN(v) && (last || !T.IsNaN(b))) (best[j], to[j]) = (v, k);
                    }
                }
            }
        }
    }

    /// <summary>y[o, k, i] = Σ x[o, 0..k, i] in the accumulator, from the end when reversed, without element k when exclusive.</summary>
    public static void CumulativeSum<T, TAcc>(Workers workers, bool exclusive, bool reverse, int outer, int length, int inner, T* x, T* y) where T : unmanaged, INumber<T> where TAcc : unmanaged, INumber<TAcc>
    {
        if (outer == 0 || length == 0 || inner == 0) return;
        int units = outer * ((inner + Chunk - 1) / Chunk);
        workers.For(units, (int)Math.Clamp(16384.0 / ((double)length * Math.Min(inner, Chunk)), 1, units), new SumBody<T, TAcc>(exclusive, reverse, length, inner, x, y));
    }

    private readonly struct SumBody<T, TAcc>(bool exclusive, bool reverse, int length, int inner, T* x, T* y) : IParallelBody where T : unmanaged, INumber<T> where TAcc : unmanaged, INumber<TAcc>
    {
        public void Run(int start, int end)
        {
            int chunks = (inner + Chunk - 1) / Chunk;
            TAcc* sums = stackalloc TAcc[Chunk];
            for (int unit = start; unit < end; unit++)
            {
                int first = unit % chunks * Chunk, n = Math.Min(Chunk, inner - first);
                new Span<TAcc>(sums, n).Clear();
                for (int k = 0; k < length; k++)
                {
                    nint at = ((nint)(unit / chunks) * length + (reverse ? length - 1 - k : k)) * inner + first;
                    for (int j = 0; j < n; j++)
                    {
                        TAcc before = sums[j];
                        sums[j] += TAcc.CreateTruncating(x[at + j]);
                        y[at + j] = T.CreateTruncating(exclusive ? before : sums[j]);
                    }
                }
            }
        }
    }
}
