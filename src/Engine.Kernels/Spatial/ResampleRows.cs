using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Weighted sums of whole rows: the inner loop of a resize along any axis but the last.</summary>
public static unsafe class ResampleRows
{
    /// <summary>y[i] = Σ weights[k] · x[indices[k] · pitch + i] for <paramref name="count"/> elements; one tap at least.</summary>
    public delegate void Fn(float* x, nint pitch, int* indices, float* weights, int taps, float* y, nint count);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("resample-rows",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    private static void Scalar(float* x, nint pitch, int* indices, float* weights, int taps, float* y, nint count)
    {
        for (nint i = 0; i < count; i++)
        {
            double sum = 0;
            for (int k = 0; k < taps; k++) sum += (double)weights[k] * x[indices[k] * pitch + i];
            y[i] = (float)sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, nint pitch, int* indices, float* weights, int taps, float* y, nint count) where TV : unmanaged, IF32Vector<TV>
    {
        nint i = 0;
        if (taps == 2)
        {
            float* a = x + indices[0] * pitch, b = x + indices[1] * pitch;
            TV u = TV.Of(weights[0]), v = TV.Of(weights[1]);
            for (; i <= count - TV.Count; i += TV.Count) TV.Fma(v, TV.Load(b + i), u * TV.Load(a + i)).Store(y + i);
        }
        for (; i <= count - TV.Count; i += TV.Count)
        {
            var sum = TV.Of(weights[0]) * TV.Load(x + indices[0] * pitch + i);
            for (int k = 1; k < taps; k++) sum.AddProduct(TV.Of(weights[k]), TV.Load(x + indices[k] * pitch + i));
            sum.Store(y + i);
        }
        int rest = (int)(count - i);
        if (rest == 0) return;
        var last = TV.Of(weights[0]) * TV.Load(x + indices[0] * pitch + i, rest);
        for (int k = 1; k < taps; k++) last.AddProduct(TV.Of(weights[k]), TV.Load(x + indices[k] * pitch + i, rest));
        last.Store(y + i, rest);
    }
}
