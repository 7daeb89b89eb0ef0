using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Layer and RMS normalization of one row of f32.</summary>
public static unsafe class LayerNormF32
{
    /// <summary>
    /// y = (x − mean) / √(variance + <paramref name="epsilon"/>) · scale + bias over <paramref name="length"/> elements; mean and inverse
    /// deviation go to <paramref name="statistics"/>. Where not <paramref name="centered"/> the mean is taken as zero. The bias may be null, y may be x.
    /// </summary>
    public delegate void Fn(float* x, int length, double epsilon, bool centered, float* scale, float* bias, float* y, double* statistics);

    /// <summary>Best first; the reference computes in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("layer-norm-f32",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    private static void Scalar(float* x, int length, double epsilon, bool centered, float* scale, float* bias, float* y, double* statistics)
    {
        double sum = 0, square = 0;
        for (int i = 0; centered && i < length; i++) sum += x[i];
        double mean = sum / Math.Max(1, length);
        for (int i = 0; i < length; i++) square += (x[i] - mean) * (x[i] - mean);
        double inverse = 1 / Math.Sqrt(square / Math.Max(1, length) + epsilon);
        for (int i = 0; i < length; i++) y[i] = (float)((x[i] - mean) * inverse * scale[i] + (bias is null ? 0 : bias[i]));
        (statistics[0], statistics[1]) = (mean, inverse);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, int length, double epsilon, bool centered, float* scale, float* bias, float* y, double* statistics) where TV : unmanaged, IF32Vector<TV>
    {
        double count = Math.Max(1, length), mean = centered ? BlockSums<TV>.Sum(x, length) / count : 0;
        double inverse = 1 / Math.Sqrt(BlockSums<TV>.SquaredDistance(x, length, (float)mean) / count + epsilon);
        (statistics[0], statistics[1]) = (mean, inverse);
        TV m = TV.Of((float)mean), f = TV.Of((float)inverse);
        int i = 0;
        if (bias is null)
            for (; i <= length - TV.Count; i += TV.Count) ((TV.Load(x + i) - m) * f * TV.Load(scale + i)).Store(y + i);
        else
            for (; i <= length - TV.Count; i += TV.Count) TV.Fma((TV.Load(x + i) - m) * f, TV.Load(scale + i), TV.Load(bias + i)).Store(y + i);
        int rest = length - i;
        if (rest == 0) return;
        var v = (TV.Load(x + i, rest) - m) * f * TV.Load(scale + i, rest);
        (bias is null ? v : v + TV.Load(bias + i, rest)).Store(y + i, rest);
    }
}
