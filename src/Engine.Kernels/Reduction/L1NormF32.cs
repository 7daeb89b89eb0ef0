using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>L1 normalization of rows of f32: the mean magnitude takes the place of the deviation, so that no square and no root is taken.</summary>
public static unsafe class L1NormF32
{
    // Elements summed in f32 before the sum goes on in binary64.
    private const int Block = 2048;

    /// <summary>
    /// One row of <paramref name="count"/> elements: y[i] = (x[i] − μ) / (mean|x − μ| + ε) · scale[i] + bias[i], μ its mean; <paramref name="bias"/> may be null, y may be x.
    /// </summary>
    public delegate void Fn(float* x, float* scale, float* bias, float epsilon, float* y, int count);

    /// <summary>Best first; the reference computes in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("l1-norm-f32",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    /// <summary>Rows beside each other, with one scale and bias for all.</summary>
    public static void Run(Workers workers, int rows, int length, float* x, float* scale, float* bias, float epsilon, float* y) =>
        workers.For(rows, Math.Max(1, 16384 / Math.Max(1, length)), new Body(length, x, scale, bias, epsilon, y));

    private readonly struct Body(int length, float* x, float* scale, float* bias, float epsilon, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var row = Table.Best;
            for (nint r = start; r < end; r++) row(x + r * length, scale, bias, epsilon, y + r * length, length);
        }
    }

    private static void Scalar(float* x, float* scale, float* bias, float epsilon, float* y, int count)
    {
        double mean = 0, magnitude = 0;
        for (int i = 0; i < count; i++) mean += x[i];
        mean /= count;
        for (int i = 0; i < count; i++) magnitude += Math.Abs(x[i] - mean);
        double factor = 1 / (magnitude / count + epsilon);
        for (int i = 0; i < count; i++) y[i] = (float)((x[i] - mean) * factor * scale[i] + (bias == null ? 0 : bias[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, float* scale, float* bias, float epsilon, float* y, int count) where TV : unmanaged, IF32Vector<TV>
    {
        double total = 0, magnitude = 0;
        for (int at = 0; at < count; at += Block) total += Sum<TV>(x + at, Math.Min(Block, count - at));
        float mean = (float)(total / count);
        for (int at = 0; at < count; at += Block) magnitude += Distance<TV>(x + at, Math.Min(Block, count - at), mean);
        float factor = (float)(1 / (magnitude / count + epsilon));
        TV m = TV.Of(mean), f = TV.Of(factor);
        int i = 0;
        for (; i <= count - TV.Count; i += TV.Count)
        {
            var v = (TV.Load(x + i) - m) * f * TV.Load(scale + i);
            (bias == null ? v : v + TV.Load(bias + i)).Store(y + i);
        }
        for (; i < count; i++) y[i] = (x[i] - mean) * factor * scale[i] + (bias == null ? 0 : bias[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum<TV>(float* x, int count) where TV : unmanaged, IF32Vector<TV>
    {
        TV even = TV.Of(0), odd = even;
        int i = 0;
        for (; i <= count - 2 * TV.Count; i += 2 * TV.Count)
        {
            even += TV.Load(x + i);
            odd += TV.Load(x + i + TV.Count);
        }
        float sum = TV.Sum(even + odd);
        for (; i < count; i++) sum += x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Distance<TV>(float* x, int count, float mean) where TV : unmanaged, IF32Vector<TV>
    {
        TV m = TV.Of(mean), even = TV.Of(0), odd = even;
        int i = 0;
        for (; i <= count - 2 * TV.Count; i += 2 * TV.Count)
        {
            even += TV.Abs(TV.Load(x + i) - m);
            odd += TV.Abs(TV.Load(x + i + TV.Count) - m);
        }
        float sum = TV.Sum(even + odd);
        for (; i < count; i++) sum += MathF.Abs(x[i] - mean);
        return sum;
    }
}
