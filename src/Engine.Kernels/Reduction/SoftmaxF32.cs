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
        int whole = count / TV.Count * TV.Count, rest = count - whole;
        var most = TV.Of(float.NegativeInfinity);
        for (int i = 0; i < whole; i += TV.Count) most = TV.Max(most, TV.Load(x + i));
        if (rest > 0) most = TV.Max(most, TV.Load(x + whole, rest, most));
        float largest = TV.Largest(most);
        TV shift = TV.Of(largest), even = TV.Of(0), odd = even;
        int at = 0;
        for (; at <= whole - 2 * TV.Count; at += 2 * TV.Count)
        {
            TV a = TV.Load(x + at) - shift, b = TV.Load(x + at + TV.Count) - shift, ea = F32Math.Exp(a), eb = F32Math.Exp(b);
            (log ? a : ea).Store(y + at);
            (log ? b : eb).Store(y + at + TV.Count);
            even += ea;
            odd += eb;
        }
        float sum = TV.Sum(even + odd) + Rest<TV>(x + at, y + at, count - at, largest, log);
        if (log)
        {
            var less = TV.Of((float)Math.Log(sum));
            for (int i = 0; i < whole; i += TV.Count) (TV.Load(y + i) - less).Store(y + i);
            if (rest > 0) (TV.Load(y + whole, rest) - less).Store(y + whole, rest);
        }
        else
        {
            var factor = TV.Of(1 / sum);
            for (int i = 0; i < whole; i += TV.Count) (TV.Load(y + i) * factor).Store(y + i);
            if (rest > 0) (TV.Load(y + whole, rest) * factor).Store(y + whole, rest);
        }
    }

    // Fewer elements than two vectors; their sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Rest<TV>(float* x, float* y, int count, float largest, bool log) where TV : unmanaged, IF32Vector<TV>
    {
        var sum = TV.Of(0);
        for (; count > 0; count -= TV.Count, x += TV.Count, y += TV.Count)
        {
            var d = (count >= TV.Count ? TV.Load(x) : TV.Load(x, count, TV.Of(float.NegativeInfinity))) - TV.Of(largest);
            var e = F32Math.Exp(d);
            sum += e;
            if (count >= TV.Count) (log ? d : e).Store(y);
            else (log ? d : e).Store(y, count);
        }
        return TV.Sum(sum);
    }
}
