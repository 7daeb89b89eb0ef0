using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// How outputs along one axis are made: output o is Σ Weights[o·Taps + k] · input[Indices[o·Taps + k]], or the fill value where
/// Indices[o·Taps] is negative.
/// </summary>
public sealed record AxisTaps(int Input, int Output, int Taps, int[] Indices, float[] Weights);

/// <summary>Resampling axis by axis.</summary>
public static unsafe class Resampling
{
    /// <summary>One axis of x [outer, input, inner] → y [outer, output, inner].</summary>
    public static void Axis<TIn, TOut>(Workers workers, AxisTaps taps, int outer, int inner, float fill, TIn* x, TOut* y)
        where TIn : unmanaged, INumber<TIn> where TOut : unmanaged, INumber<TOut>
    {
        if (inner == 1 && typeof(TIn) == typeof(float) && typeof(TOut) == typeof(float)) workers.For(outer, Math.Max(1, 4096 / Math.Max(1, taps.Output)), new LastAxis(taps, fill, (float*)x, (float*)y));
        else workers.For(Tensors.Checked.Int((long)outer * taps.Output), Math.Max(1, 8192 / Math.Max(1, inner)), new Body<TIn, TOut>(taps, inner, fill, ResampleRows.Table.Best, x, y));
    }

    // Along the last axis an output is a handful of elements: pixel by pixel.
    private readonly struct LastAxis(AxisTaps taps, float fill, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int count = taps.Taps;
            fixed (int* indices = taps.Indices)
            fixed (float* weights = taps.Weights)
                for (int row = start; row < end; row++)
                {
                    float* from = x + (nint)row * taps.Input, to = y + (nint)row * taps.Output, w = weights;
                    int* at = indices;
                    for (int o = 0; o < taps.Output; o++, at += count, w += count)
                    {
                        if (at[0] < 0)
                        {
                            to[o] = fill;
                            continue;
                        }
                        float sum = w[0] * from[at[0]];
                        for (int k = 1; k < count; k++) sum += w[k] * from[at[k]];
                        to[o] = sum;
                    }
                }
        }
    }

    private readonly struct Body<TIn, TOut>(AxisTaps taps, int inner, float fill, ResampleRows.Fn rows, TIn* x, TOut* y) : IParallelBody where TIn : unmanaged, INumber<TIn> where TOut : unmanaged, INumber<TOut>
    {
        public void Run(int start, int end)
        {
            int count = taps.Taps;
            for (int row = start; row < end; row++)
            {
                int o = row % taps.Output;
                TIn* from = x + (nint)(row / taps.Output) * taps.Input * inner;
                TOut* to = y + (nint)row * inner;
                var indices = taps.Indices.AsSpan(o * count, count);
                var weights = taps.Weights.AsSpan(o * count, count);
                if (indices[0] < 0)
                {
                    new Span<TOut>(to, inner).Fill(TOut.CreateSaturating(fill));
                    continue;
                }
                if (typeof(TIn) == typeof(float) && typeof(TOut) == typeof(float))
                {
                    fixed (int* at = indices)
                    fixed (float* by = weights)
                        rows((float*)from, inner, at, by, count, (float*)to, inner);
                }
                else
                    for (int i = 0; i < inner; i++)
                    {
                        double sum = 0;
                        for (int k = 0; k < count; k++) sum += weights[k] * double.CreateTruncating(from[(nint)indices[k] * inner + i]);
                        to[i] = TOut.CreateSaturating(sum);
                    }
            }
        }
    }

    /// <summary>Nearest resampling of all axes at once: y[i…] = x[maps[0][i0], maps[1][i1], …], or <paramref name="fill"/> where an index is negative.</summary>
    public static void Nearest<T>(Workers workers, int[][] maps, int[] inputStrides, T fill, T* x, T* y) where T : unmanaged
    {
        int rank = maps.Length, rows = 1;
        for (int i = 0; i < rank - 1; i++) rows = Tensors.Checked.Int((long)rows * maps[i].Length);
        if (rank == 0) *y = *x;
        else if (maps[^1].Length > 0) workers.For(rows, Math.Max(1, 8192 / maps[^1].Length), new NearestBody<T>(maps, inputStrides, fill, x, y));
    }

    private readonly struct NearestBody<T>(int[][] maps, int[] strides, T fill, T* x, T* y) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            var inner = maps[^1];
            for (int row = start; row < end; row++)
            {
                int rest = row;
                nint at = 0;
                bool outside = false;
                for (int d = maps.Length - 2; d >= 0; d--)
                {
                    int index = maps[d][rest % maps[d].Length];
                    rest /= maps[d].Length;
                    outside |= index < 0;
                    at += (nint)index * strides[d];
                }
                T* to = y + (nint)row * inner.Length;
                for (int i = 0; i < inner.Length; i++) to[i] = outside || inner[i] < 0 ? fill : x[at + inner[i]];
            }
        }
    }
}
