using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Folds of f32: sums and products in f64, extremes in f32. A fold goes along a row into one state, or side by side into a state a
/// column; its order depends on the row's length and the tier alone.
/// </summary>
public static unsafe partial class ReduceF32
{
    /// <summary>
    /// Folds <paramref name="n"/> elements: with <paramref name="columns"/> x[j] into states[j], else all into the one state.
    /// </summary>
    public delegate void Fn<TState>(TState* states, float* x, nint n, bool columns) where TState : unmanaged;

    /// <summary>Σ x.</summary>
    public static KernelTable<Fn<double>> Sum { get; } = Sums<Identity>("reduce-sum-f32");

    /// <summary>Σ |x|.</summary>
    public static KernelTable<Fn<double>> AbsoluteSum { get; } = Sums<Absolute>("reduce-l1-f32");

    /// <summary>Σ x².</summary>
    public static KernelTable<Fn<double>> SquareSum { get; } = Sums<Square>("reduce-square-f32");

    /// <summary>Π x.</summary>
    public static KernelTable<Fn<double>> Product { get; } = Sums<Times>("reduce-product-f32");

    /// <summary>The largest; NaN where there is one.</summary>
    public static KernelTable<Fn<float>> Max { get; } = Extremes<Larger>("reduce-max-f32");

    /// <summary>The smallest; NaN where there is one.</summary>
    public static KernelTable<Fn<float>> Min { get; } = Extremes<Smaller>("reduce-min-f32");

    private static KernelTable<Fn<double>> Sums<TStep>(string stem) where TStep : struct, ISumStep => new(stem,
        new("avx512", F32x16.IsSupported, SumLanes<F64x16, F32x16, TStep>),
        new("avx2", F32x8.IsSupported, SumLanes<F64x8, F32x8, TStep>),
        new("vector", F32x4.IsSupported, SumLanes<F64x4, F32x4, TStep>),
        new("scalar", true, SumScalar<TStep>));

    private static KernelTable<Fn<float>> Extremes<TStep>(string stem) where TStep : struct, IExtremeStep => new(stem,
        new("avx512", F32x16.IsSupported, ExtremeLanes<F32x16, TStep>),
        new("avx2", F32x8.IsSupported, ExtremeLanes<F32x8, TStep>),
        new("vector", F32x4.IsSupported, ExtremeLanes<F32x4, TStep>),
        new("scalar", true, ExtremeScalar<TStep>));

    private static void SumScalar<TStep>(double* states, float* x, nint n, bool columns) where TStep : struct, ISumStep
    {
        for (nint i = 0; i < n; i++) TStep.Add(ref states[columns ? i : 0], x[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumLanes<TD, TV, TStep>(double* states, float* x, nint n, bool columns) where TD : unmanaged, IF64Vector<TD, TV> where TV : unmanaged, IF32Vector<TV> where TStep : struct, ISumStep
    {
        nint i = 0;
        if (columns)
        {
            for (; i <= n - TV.Count; i += TV.Count)
            {
                var state = TD.Load(states + i);
                TStep.Add<TD, TV>(ref state, TD.Widen(x + i));
                state.Store(states + i);
            }
            for (; i < n; i++) TStep.Add(ref states[i], x[i]);
            return;
        }
        if (n >= TV.Count)
        {
            TD a = TD.Of(TStep.Seed), b = a;
            for (; i <= n - 2 * TV.Count; i += 2 * TV.Count)
            {
                TStep.Add<TD, TV>(ref a, TD.Widen(x + i));
                TStep.Add<TD, TV>(ref b, TD.Widen(x + i + TV.Count));
            }
            if (i <= n - TV.Count)
            {
                TStep.Add<TD, TV>(ref a, TD.Widen(x + i));
                i += TV.Count;
            }
            *states = TStep.Join<TD, TV>(*states, a, b);
        }
        for (; i < n; i++) TStep.Add(ref *states, x[i]);
    }

    private static void ExtremeScalar<TStep>(float* states, float* x, nint n, bool columns) where TStep : struct, IExtremeStep
    {
        for (nint i = 0; i < n; i++) TStep.Of(ref states[columns ? i : 0], x[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ExtremeLanes<TV, TStep>(float* states, float* x, nint n, bool columns) where TV : unmanaged, IF32Vector<TV> where TStep : struct, IExtremeStep
    {
        nint i = 0;
        if (columns)
        {
            for (; i <= n - TV.Count; i += TV.Count) TStep.Of(TV.Load(states + i), TV.Load(x + i)).Store(states + i);
            for (; i < n; i++) TStep.Of(ref states[i], x[i]);
            return;
        }
        if (n >= TV.Count)
        {
            TV a = TV.Load(x), b = a, c = a, d = a;
            for (; i <= n - 4 * TV.Count; i += 4 * TV.Count)
            {
                a = TStep.Of(a, TV.Load(x + i));
                b = TStep.Of(b, TV.Load(x + i + TV.Count));
                c = TStep.Of(c, TV.Load(x + i + 2 * TV.Count));
                d = TStep.Of(d, TV.Load(x + i + 3 * TV.Count));
            }
            // The last vectors may meet elements again.
            for (; i < n; i += TV.Count) a = TStep.Of(a, TV.Load(x + Math.Min(i, n - TV.Count)));
            TStep.Of(ref *states, TStep.Of(TStep.Of(TStep.Of(a, b), TStep.Of(c, d))));
            return;
        }
        for (; i < n; i++) TStep.Of(ref *states, x[i]);
    }
}
