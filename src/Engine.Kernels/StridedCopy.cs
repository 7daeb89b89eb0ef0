using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Strided gather: y (row-major, shape <c>dims</c>) takes element Σ i_d · stride_d of x. Serves Transpose, Slice and Expand.
/// </summary>
public static class StridedCopy
{
    /// <summary>Largest rank after merging axes.</summary>
    public const int MaxRank = 64;

    /// <summary>Copies <paramref name="dims"/> elements from <paramref name="x"/> at <paramref name="start"/>; strides may be 0 or negative.</summary>
    public static void Run<T>(Workers workers, ReadOnlySpan<T> x, long start, ReadOnlySpan<long> dims, ReadOnlySpan<long> strides, Span<T> y) where T : unmanaged
    {
        if (y.IsEmpty) return;
        // Merge axes that are contiguous with each other, so that the inner loop is as long as possible.
        Span<long> d = stackalloc long[MaxRank], s = stackalloc long[MaxRank];
        int rank = 0;
        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 1) continue;
            if (rank > 0 && s[rank - 1] == strides[i] * dims[i])
            {
                d[rank - 1] *= dims[i];
                s[rank - 1] = strides[i];
                continue;
            }
            (d[rank], s[rank]) = (dims[i], strides[i]);
            rank++;
        }
        if (rank == 0)
        {
            y[0] = x[(int)start];
            return;
        }
        int inner = (int)d[rank - 1], rows = y.Length / inner, across = s[..(rank - 1)].IndexOf(1);
        unsafe
        {
            fixed (T* px = x, py = y)
            fixed (long* pd = d, ps = s)
            {
                // Where x is contiguous along another axis than y, the two are walked in tiles.
                if (s[rank - 1] != 1 && across >= 0 && d[across] >= 4) TileTranspose.Run(workers, px + start, py, pd, ps, rank, across);
                else workers.For(rows, Math.Max(1, 32768 / inner), new Body<T>(px + start, py, pd, ps, rank, inner));
            }
        }
    }

    private readonly unsafe struct Body<T>(T* x, T* y, long* dims, long* strides, int rank, int inner) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            long* index = stackalloc long[MaxRank];
            long at = 0, rest = start;
            for (int i = rank - 2; i >= 0; i--)
            {
                index[i] = rest % dims[i];
                rest /= dims[i];
                at += index[i] * strides[i];
            }
            long step = strides[rank - 1];
            for (int row = start; row < end; row++)
            {
                T* from = x + at, to = y + (long)row * inner;
                if (step == 1) Unsafe.CopyBlockUnaligned(to, from, (uint)(inner * sizeof(T)));
                else if (step == 0) new Span<T>(to, inner).Fill(*from);
                else for (int i = 0; i < inner; i++, from += step) to[i] = *from;
                for (int i = rank - 2; i >= 0; i--)
                {
                    at += strides[i];
                    if (++index[i] < dims[i]) break;
                    at -= strides[i] * dims[i];
                    index[i] = 0;
                }
            }
        }
    }
}
