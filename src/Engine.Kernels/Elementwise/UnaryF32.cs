using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>A function of one f32 element with up to two parameters.</summary>
internal interface IUnaryF32
{
    /// <summary>Name of the kernel.</summary>
    static abstract string Stem { get; }

    /// <summary>The definition, in binary64: the scalar tier.</summary>
    static abstract double Of(double x, double p0, double p1);

    /// <summary>The function on every lane.</summary>
    static abstract TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV>;
}

/// <summary>y[i] = f(x[i]) in f32, one kernel a function. An element's result does not depend on its place in the row.</summary>
public static unsafe class UnaryF32
{
    /// <summary>Applies the function with its parameters to <paramref name="count"/> elements; y may be x, and must not overlap it otherwise.</summary>
    public delegate void Fn(float* x, float* y, nint count, float p0, float p1);

    /// <summary>eˣ.</summary>
    public static KernelTable<Fn> Exp => UnaryF32Table<ExpF32>.Table;

    /// <summary>Natural logarithm.</summary>
    public static KernelTable<Fn> Log => UnaryF32Table<LogF32>.Table;

    /// <summary>Error function.</summary>
    public static KernelTable<Fn> Erf => UnaryF32Table<ErfF32>.Table;

    /// <summary>The kernel of an activation; null for none.</summary>
    public static KernelTable<Fn>? Of(ActivationKind kind) => kind switch
    {
        ActivationKind.Relu => UnaryF32Table<ReluF32>.Table,
        ActivationKind.Clip => UnaryF32Table<ClipF32>.Table,
        ActivationKind.Sigmoid => UnaryF32Table<SigmoidF32>.Table,
        ActivationKind.Tanh => UnaryF32Table<TanhF32>.Table,
        ActivationKind.ScaledTanh => UnaryF32Table<ScaledTanhF32>.Table,
        ActivationKind.Affine => UnaryF32Table<AffineF32>.Table,
        ActivationKind.LeakyRelu => UnaryF32Table<LeakyReluF32>.Table,
        ActivationKind.ThresholdedRelu => UnaryF32Table<ThresholdedReluF32>.Table,
        ActivationKind.HardSigmoid => UnaryF32Table<HardSigmoidF32>.Table,
        ActivationKind.HardSwish => UnaryF32Table<HardSwishF32>.Table,
        ActivationKind.Elu => UnaryF32Table<EluF32>.Table,
        ActivationKind.Celu => UnaryF32Table<CeluF32>.Table,
        ActivationKind.Selu => UnaryF32Table<SeluF32>.Table,
        ActivationKind.Softplus => UnaryF32Table<SoftplusF32>.Table,
        ActivationKind.Softsign => UnaryF32Table<SoftsignF32>.Table,
        ActivationKind.Gelu => UnaryF32Table<GeluF32>.Table,
        ActivationKind.GeluTanh => UnaryF32Table<GeluTanhF32>.Table,
        ActivationKind.Swish => UnaryF32Table<SwishF32>.Table,
        ActivationKind.Mish => UnaryF32Table<MishF32>.Table,
        _ => null,
    };

    /// <summary>Every kernel of this kind.</summary>
    public static IReadOnlyList<KernelTable<Fn>> Tables => [Exp, Log, Erf, .. Enum.GetValues<ActivationKind>().Select(Of).OfType<KernelTable<Fn>>()];

    /// <summary>Over the pool.</summary>
    public static void Run(Workers workers, Fn fn, ReadOnlySpan<float> x, Span<float> y, float p0 = 0, float p1 = 0)
    {
        fixed (float* px = x, py = y[..x.Length]) workers.For(x.Length, UnaryLoop.Grain, new Body(fn, px, py, p0, p1));
    }

    private readonly struct Body(Fn fn, float* x, float* y, float p0, float p1) : IParallelBody
    {
        public void Run(int start, int end) => fn(x + start, y + start, end - start, p0, p1);
    }
}

/// <summary>The table of one function, made when it is first asked for.</summary>
internal static unsafe class UnaryF32Table<TOp> where TOp : struct, IUnaryF32
{
    public static KernelTable<UnaryF32.Fn> Table { get; } = new(TOp.Stem,
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    /// <summary>The definition in binary64.</summary>
    public static Func<double, double, double, double> Definition => TOp.Of;

    private static void Scalar(float* x, float* y, nint count, float p0, float p1)
    {
        for (nint i = 0; i < count; i++) y[i] = (float)TOp.Of(x[i], p0, p1);
    }

    // Two vectors at a time hide the latency of one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, float* y, nint count, float p0, float p1) where TV : unmanaged, IF32Vector<TV>
    {
        if (typeof(TOp) == typeof(ExpF32))
        {
            ExpRow<TV>.Run(x, y, count, 0);
            return;
        }
        nint i = 0;
        for (; i <= count - 2 * TV.Count; i += 2 * TV.Count)
        {
            TV a = TOp.Of(TV.Load(x + i), p0, p1), b = TOp.Of(TV.Load(x + i + TV.Count), p0, p1);
            a.Store(y + i);
            b.Store(y + i + TV.Count);
        }
        if (i < count) Rest<TV>(x + i, y + i, (int)(count - i), p0, p1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Rest<TV>(float* x, float* y, int count, float p0, float p1) where TV : unmanaged, IF32Vector<TV>
    {
        for (; count > 0; count -= TV.Count, x += TV.Count, y += TV.Count)
        {
            var v = TOp.Of(count >= TV.Count ? TV.Load(x) : TV.Load(x, count), p0, p1);
            if (count >= TV.Count) v.Store(y);
            else v.Store(y, count);
        }
    }
}
