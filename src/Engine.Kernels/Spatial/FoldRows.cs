using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Maxima and sums of several rows, element by element: the inner loops of pools.</summary>
public static unsafe class FoldRows
{
    /// <summary>y[i] = fold of x[i + k · step] over k &lt; <paramref name="rows"/>, for <paramref name="count"/> elements; one row at least.</summary>
    public delegate void Fn(float* x, nint step, int rows, float* y, nint count);

    /// <summary>The largest; NaN where there is one.</summary>
    public static KernelTable<Fn> Max { get; } = Of<Maximum>("fold-max-f32");

    /// <summary>The sum, in f32: for few rows.</summary>
    public static KernelTable<Fn> Sum { get; } = Of<Total>("fold-sum-f32");

    private static KernelTable<Fn> Of<TStep>(string stem) where TStep : struct, IStep => new(stem,
        new("avx512", F32x16.IsSupported, Lanes<F32x16, TStep>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8, TStep>),
        new("vector", F32x4.IsSupported, Lanes<F32x4, TStep>),
        new("scalar", true, Scalar<TStep>));

    private interface IStep
    {
        static abstract double Of(double a, double b);
        static abstract TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV>;
    }

    private readonly struct Maximum : IStep
    {
        public static double Of(double a, double b) => Math.Max(a, b);
        public static TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV> => TV.Max(a, b);
    }

    private readonly struct Total : IStep
    {
        public static double Of(double a, double b) => a + b;
        public static TV Of<TV>(TV a, TV b) where TV : unmanaged, IF32Vector<TV> => a + b;
    }

    private static void Scalar<TStep>(float* x, nint step, int rows, float* y, nint count) where TStep : struct, IStep
    {
        for (nint i = 0; i < count; i++)
        {
            double state = x[i];
            for (int k = 1; k < rows; k++) state = TStep.Of(state, x[i + k * step]);
            y[i] = (float)state;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV, TStep>(float* x, nint step, int rows, float* y, nint count) where TV : unmanaged, IF32Vector<TV> where TStep : struct, IStep
    {
        nint i = 0;
        for (; i <= count - TV.Count; i += TV.Count)
        {
            var state = TV.Load(x + i);
            for (int k = 1; k < rows; k++) state = TStep.Of(state, TV.Load(x + i + k * step));
            state.Store(y + i);
        }
        int rest = (int)(count - i);
        if (rest == 0) return;
        var last = TV.Load(x + i, rest);
        for (int k = 1; k < rows; k++) last = TStep.Of(last, TV.Load(x + i + k * step, rest));
        last.Store(y + i, rest);
    }
}
