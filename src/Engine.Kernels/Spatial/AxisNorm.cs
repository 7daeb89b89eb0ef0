using System.Numerics;

namespace Engine.Kernels;

/// <summary>Normalizations along an axis that is not the innermost: x seen as [outer, axis, inner].</summary>
public static unsafe class AxisNorm
{
    /// <summary>x divided by its p-norm along the axis (p is 1 or 2); zero where the norm is zero.</summary>
    public static void Lp<T>(Workers workers, int outer, int axis, int inner, int p, T* x, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(Tensors.Checked.Int((long)outer * inner), Math.Max(1, 8192 / Math.Max(1, axis)), new LpBody<T>(axis, inner, p, x, y));

    /// <summary>x / (bias + alpha / size · Σ x²)^beta over <paramref name="size"/> neighbours along the axis.</summary>
    public static void LocalResponse<T>(Workers workers, int outer, int axis, int inner, int size, double alpha, double beta, double bias, T* x, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(Tensors.Checked.Int((long)outer * axis), Math.Max(1, 2048 / Math.Max(1, inner)), new ResponseBody<T>(axis, inner, size, alpha, beta, bias, x, y));

    private readonly struct LpBody<T>(int axis, int inner, int p, T* x, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                nint at = (nint)(i / inner) * axis * inner + i % inner;
                double sum = 0;
                for (int k = 0; k < axis; k++)
                {
                    double v = double.CreateTruncating(x[at + (nint)k * inner]);
                    sum += p == 1 ? Math.Abs(v) : v * v;
                }
                double norm = p == 1 ? sum : Math.Sqrt(sum);
                for (int k = 0; k < axis; k++) y[at + (nint)k * inner] = norm == 0 ? T.Zero : T.CreateTruncating(double.CreateTruncating(x[at + (nint)k * inner]) / norm);
            }
        }
    }

    private readonly struct ResponseBody<T>(int axis, int inner, int size, double alpha, double beta, double bias, T* x, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            for (int plane = start; plane < end; plane++)
            {
                int c = plane % axis, first = Math.Max(0, c - (size - 1) / 2), last = (int)Math.Min(axis - 1, (long)c + size / 2);
                T* image = x + ((nint)plane - c) * inner;
                for (int i = 0; i < inner; i++)
                {
                    double sum = 0;
                    for (int k = first; k <= last; k++)
                    {
                        double v = double.CreateTruncating(image[(nint)k * inner + i]);
                        sum += v * v;
                    }
                    double divisor = bias + alpha / size * sum;
                    y[(nint)plane * inner + i] = T.CreateTruncating(double.CreateTruncating(image[(nint)c * inner + i]) / (beta == 0.75 ? Math.Sqrt(divisor) * Math.Sqrt(Math.Sqrt(divisor)) : Math.Pow(divisor, beta)));
                }
            }
        }
    }

    /// <summary>
    /// (x − mean) / (σ + 1e-9) over groups: element i belongs to the group Σ index_d · <paramref name="groupStrides"/>[d], stride 0 on
    /// reduced axes. <paramref name="sums"/> holds two doubles a group.
    /// </summary>
    public static void MeanVariance<T>(ReadOnlySpan<T> x, ReadOnlySpan<int> dims, ReadOnlySpan<int> groupStrides, Span<double> sums, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.IsEmpty) return;
        int groups = sums.Length / 2, count = x.Length / groups;
        Span<double> mean = sums[..groups], square = sums[groups..];
        sums.Clear();
        Span<int> index = stackalloc int[dims.Length];
        for (int pass = 0; pass < 3; pass++)
        {
            index.Clear();
            int group = 0;
            for (int i = 0; i < x.Length; i++)
            {
                double v = double.CreateTruncating(x[i]);
                if (pass == 0) mean[group] += v / count;
                else if (pass == 1) square[group] += (v - mean[group]) * (v - mean[group]) / count;
                else y[i] = T.CreateTruncating((v - mean[group]) / (Math.Sqrt(square[group]) + 1e-9));
                for (int d = dims.Length - 1; d >= 0; d--)
                {
                    group += groupStrides[d];
                    if (++index[d] < dims[d]) break;
                    group -= groupStrides[d] * dims[d];
                    index[d] = 0;
                }
            }
        }
    }
}
