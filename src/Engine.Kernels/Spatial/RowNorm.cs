using System.Numerics;

namespace Engine.Kernels;

/// <summary>Statistics of contiguous values: f32 by its kernels; else vector sums over short blocks, blocks summed in double.</summary>
public static unsafe class RowStatistics
{
    private const int Block = 512;

    /// <summary>Mean of the values; 0 for none.</summary>
    public static double Mean<T>(ReadOnlySpan<T> x) where T : unmanaged, INumber<T>
    {
        if (x.IsEmpty) return 0;
        if (typeof(T) != typeof(float)) return Sum<T, Identity>(x, default) / x.Length;
        double sum = 0;
        fixed (T* p = x) ReduceF32.Sum.Best(&sum, (float*)p, x.Length, false);
        return sum / x.Length;
    }

    /// <summary>Mean of (x − <paramref name="center"/>)²; 0 for none.</summary>
    public static double MeanSquare<T>(ReadOnlySpan<T> x, double center) where T : unmanaged, INumber<T>
    {
        if (x.IsEmpty) return 0;
        if (typeof(T) != typeof(float)) return Sum<T, Square>(x, T.CreateTruncating(center)) / x.Length;
        fixed (T* p = x) return RowSumF32.SquaredDistance.Best((float*)p, x.Length, (float)center) / x.Length;
    }

    private interface ITerm
    {
        static abstract Vector<T> Of<T>(Vector<T> x, Vector<T> center) where T : unmanaged, INumber<T>;
        static abstract T Of<T>(T x, T center) where T : unmanaged, INumber<T>;
    }

    private readonly struct Identity : ITerm
    {
        public static Vector<T> Of<T>(Vector<T> x, Vector<T> center) where T : unmanaged, INumber<T> => x;
        public static T Of<T>(T x, T center) where T : unmanaged, INumber<T> => x;
    }

    private readonly struct Square : ITerm
    {
        public static Vector<T> Of<T>(Vector<T> x, Vector<T> center) where T : unmanaged, INumber<T> => (x - center) * (x - center);
        public static T Of<T>(T x, T center) where T : unmanaged, INumber<T> => (x - center) * (x - center);
    }

    private static double Sum<T, TTerm>(ReadOnlySpan<T> x, T center) where T : unmanaged, INumber<T> where TTerm : struct, ITerm
    {
        double total = 0;
        var c = new Vector<T>(center);
        while (!x.IsEmpty)
        {
            var block = x[..Math.Min(Block, x.Length)];
            var sum = Vector<T>.Zero;
            int i = 0;
            for (; i <= block.Length - Vector<T>.Count; i += Vector<T>.Count) sum += TTerm.Of(new Vector<T>(block[i..]), c);
            T tail = Vector.Sum(sum);
            for (; i < block.Length; i++) tail += TTerm.Of(block[i], center);
            total += double.CreateTruncating(tail);
            x = x[block.Length..];
        }
        return total;
    }

    /// <summary>y = x · <paramref name="factor"/> + <paramref name="shift"/>.</summary>
    public static void Affine<T>(ReadOnlySpan<T> x, T factor, T shift, Span<T> y) where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
        {
            fixed (T* px = x, py = y[..x.Length]) UnaryF32Table<AffineF32>.Table.Best((float*)px, (float*)py, x.Length, float.CreateTruncating(factor), float.CreateTruncating(shift));
            return;
        }
        int i = 0;
        Vector<T> f = new(factor), s = new(shift);
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count) (new Vector<T>(x[i..]) * f + s).CopyTo(y[i..]);
        for (; i < x.Length; i++) y[i] = x[i] * factor + shift;
    }
}

/// <summary>Batch, instance, group, layer and RMS normalization: each row of values is shifted and scaled by its own statistics or by given ones.</summary>
public static unsafe class RowNorm
{
    /// <summary>
    /// Rows of <paramref name="length"/> values, normalized by their own mean and variance, then scaled and shifted element by element
    /// of the row: layer normalization. With <paramref name="centered"/> false the mean is taken as zero (RMS). <paramref name="scale"/> and
    /// <paramref name="bias"/> advance by <paramref name="scaleStep"/> and <paramref name="biasStep"/> a row; <paramref name="bias"/>, <paramref name="mean"/> and <paramref name="inverse"/> may be null.
    /// </summary>
    public static void Layer<T, TStat>(Workers workers, int rows, int length, double epsilon, bool centered, T* x, T* scale, T* bias, int scaleStep, int biasStep, T* y, TStat* mean, TStat* inverse)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TStat : unmanaged, INumber<TStat> =>
        workers.For(rows, Math.Max(1, 16384 / Math.Max(1, length)), new LayerBody<T, TStat>(length, epsilon, centered, x, scale, bias, scaleStep, biasStep, y, mean, inverse));

    /// <summary>
    /// Planes of <paramref name="inner"/> values; groups of <paramref name="groupPlanes"/> planes share statistics. Plane p of an image
    /// of <paramref name="channels"/> planes is scaled by entry p / <paramref name="entryPlanes"/>: instance and group normalization.
    /// </summary>
    public static void Group<T>(Workers workers, int groups, int groupPlanes, int channels, int inner, int entryPlanes, double epsilon, T* x, T* scale, T* bias, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(groups, (int)Math.Clamp(16384 / Math.Max(1, (long)groupPlanes * inner), 1, 1 << 20), new GroupBody<T>(groupPlanes, channels, inner, entryPlanes, epsilon, x, scale, bias, y));

    /// <summary>The mean of each row of <paramref name="length"/> values: average pools of whole channels.</summary>
    public static void Means(Workers workers, int rows, int length, float* x, float* y) => workers.For(rows, Math.Max(1, 16384 / Math.Max(1, length)), new MeanBody(length, x, y));

    private readonly struct MeanBody(int length, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++) y[r] = (float)RowStatistics.Mean(new ReadOnlySpan<float>(x + (nint)r * length, length));
        }
    }

    /// <summary>y = x · factor[channel] + shift[channel] over planes of <paramref name="inner"/> values.</summary>
    public static void Channels<T>(Workers workers, int planes, int channels, int inner, T* x, T* factor, T* shift, T* y) where T : unmanaged, INumber<T> =>
        workers.For(planes, Math.Max(1, 32768 / Math.Max(1, inner)), new ChannelBody<T>(channels, inner, x, factor, shift, y));

    private readonly struct LayerBody<T, TStat>(int length, double epsilon, bool centered, T* x, T* scale, T* bias, int scaleStep, int biasStep, T* y, TStat* mean, TStat* inverse) : IParallelBody
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TStat : unmanaged, INumber<TStat>
    {
        public void Run(int start, int end)
        {
            double* statistics = stackalloc double[2];
            var kernel = LayerNormF32.Table.Best;
            for (int r = start; r < end; r++)
            {
                T* from = x + (nint)r * length, to = y + (nint)r * length, s = scale + (nint)r * scaleStep, b = bias is null ? null : bias + (nint)r * biasStep;
                if (typeof(T) == typeof(float)) kernel((float*)from, length, epsilon, centered, (float*)s, (float*)b, (float*)to, statistics);
                else
                {
                    var row = new ReadOnlySpan<T>(from, length);
                    statistics[0] = centered ? RowStatistics.Mean(row) : 0;
                    statistics[1] = 1 / Math.Sqrt(RowStatistics.MeanSquare(row, statistics[0]) + epsilon);
                    Scale(from, T.CreateTruncating(statistics[0]), T.CreateTruncating(statistics[1]), s, b, to);
                }
                if (mean is not null) mean[r] = TStat.CreateTruncating(statistics[0]);
                if (inverse is not null) inverse[r] = TStat.CreateTruncating(statistics[1]);
            }
        }

        private void Scale(T* from, T m, T inv, T* s, T* b, T* to)
        {
            int i = 0;
            Vector<T> vm = new(m), vi = new(inv);
            for (; i <= length - Vector<T>.Count; i += Vector<T>.Count)
            {
                var v = (Vector.Load(from + i) - vm) * vi * Vector.Load(s + i);
                (b is null ? v : v + Vector.Load(b + i)).Store(to + i);
            }
            for (; i < length; i++)
            {
                T v = (from[i] - m) * inv * s[i];
                to[i] = b is null ? v : v + b[i];
            }
        }
    }

    private readonly struct GroupBody<T>(int groupPlanes, int channels, int inner, int entryPlanes, double epsilon, T* x, T* scale, T* bias, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            for (int g = start; g < end; g++)
            {
                nint first = (nint)g * groupPlanes * inner;
                var all = new ReadOnlySpan<T>(x + first, groupPlanes * inner);
                double mean = RowStatistics.Mean(all), inv = 1 / Math.Sqrt(RowStatistics.MeanSquare(all, mean) + epsilon);
                for (int p = 0; p < groupPlanes; p++)
                {
                    int entry = (int)(((long)g * groupPlanes + p) % channels) / entryPlanes;
                    double factor = double.CreateTruncating(scale[entry]) * inv;
                    RowStatistics.Affine(new ReadOnlySpan<T>(x + first + (nint)p * inner, inner), T.CreateTruncating(factor), T.CreateTruncating(double.CreateTruncating(bias[entry]) - mean * factor), new Span<T>(y + first + (nint)p * inner, inner));
                }
            }
        }
    }

    private readonly struct ChannelBody<T>(int channels, int inner, T* x, T* factor, T* shift, T* y) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            for (int p = start; p < end; p++)
                RowStatistics.Affine(new ReadOnlySpan<T>(x + (nint)p * inner, inner), factor[p % channels], shift[p % channels], new Span<T>(y + (nint)p * inner, inner));
        }
    }
}
