using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Softmax and log-softmax of one row of f32.</summary>
public static unsafe class SoftmaxF32
{
    /// <summary>y[i] = e^(x[i] − largest) / Σ, or with <paramref name="log"/> x[i] − largest − log Σ, over <paramref name="count"/> elements; y may be x.</summary>
    public delegate void Fn(float* x, float* y, int count, bool log);

    /// <summary>Best first; the reference computes in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("softmax-f32",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    private static void Scalar(float* x, float* y, int count, bool log)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < count; i++) largest = Math.Max(largest, x[i]);
        for (int i = 0; i < count; i++) sum += Math.Exp(x[i] - largest);
        for (int i = 0; i < count; i++) y[i] = (float)(log ? x[i] - largest - Math.Log(sum) : Math.Exp(x[i] - largest) / sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, float* y, int count, bool log) where TV : unmanaged, IF32Vector<TV>
    {
        // A NaN that the largest element is found without comes back with the sum.
        TV most = TV.Of(float.NegativeInfinity), other = most;
        int i = 0;
        for (; i <= count - 2 * TV.Count; i += 2 * TV.Count)
        {
            most = TV.Larger(TV.Load(x + i), most);
            other = TV.Larger(TV.Load(x + i + TV.Count), other);
        }
        for (; i < count; i += TV.Count) most = TV.Larger(count - i >= TV.Count ? TV.Load(x + i) : TV.Load(x + i, count - i, most), most);
        float largest = TV.LargestNumber(TV.Larger(most, other));
        if (log)
        {
            TV middle = TV.Of(largest), sum = TV.Of((float)Math.Log(RowSumF32.Exponentials.Best(x, count, largest)));
            for (i = 0; i <= count - TV.Count; i += TV.Count) (TV.Load(x + i) - middle - sum).Store(y + i);
            if (i < count) (TV.Load(x + i, count - i) - middle - sum).Store(y + i, count - i);
        }
        else
        {
            var factor = TV.Of(1 / ExpRow<TV>.Run(x, y, count, largest));
            for (i = 0; i <= count - TV.Count; i += TV.Count) (TV.Load(y + i) * factor).Store(y + i);
            if (i < count) (TV.Load(y + i, count - i) * factor).Store(y + i, count - i);
        }
    }
}
