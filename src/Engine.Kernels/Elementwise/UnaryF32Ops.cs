using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>eˣ.</summary>
internal readonly struct ExpF32 : IUnaryF32
{
    public static string Stem => "exp-f32";

    public static double Of(double x, double p0, double p1) => Math.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => F32Math.Exp(x);
}

/// <summary>Natural logarithm.</summary>
internal readonly struct LogF32 : IUnaryF32
{
    public static string Stem => "log-f32";

    public static double Of(double x, double p0, double p1) => Math.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => F32Math.Log(x);
}

/// <summary>Error function.</summary>
internal readonly struct ErfF32 : IUnaryF32
{
    public static string Stem => "erf-f32";

    public static double Of(double x, double p0, double p1) => ScalarMath.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => F32Math.Erf(x);
}

/// <summary>max(x, 0).</summary>
internal readonly struct ReluF32 : IUnaryF32
{
    public static string Stem => "relu-f32";

    public static double Of(double x, double p0, double p1) => Math.Max(x, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Max(x, TV.Of(0));
}

/// <summary>min(max(x, p0), p1).</summary>
internal readonly struct ClipF32 : IUnaryF32
{
    public static string Stem => "clip-f32";

    public static double Of(double x, double p0, double p1) => Math.Min(Math.Max(x, p0), p1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Clamp(x, TV.Of(p0), TV.Of(p1));
}

/// <summary>1 / (1 + e⁻ˣ).</summary>
internal readonly struct SigmoidF32 : IUnaryF32
{
    public static string Stem => "sigmoid-f32";

    public static double Of(double x, double p0, double p1) => 1 / (1 + Math.Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => F32Math.Sigmoid(x);
}

/// <summary>Hyperbolic tangent.</summary>
internal readonly struct TanhF32 : IUnaryF32
{
    public static string Stem => "tanh-f32";

    public static double Of(double x, double p0, double p1) => Math.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => F32Math.Tanh(x);
}

/// <summary>p0 · tanh(p1 · x).</summary>
internal readonly struct ScaledTanhF32 : IUnaryF32
{
    public static string Stem => "scaled-tanh-f32";

    public static double Of(double x, double p0, double p1) => p0 * Math.Tanh(p1 * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Of(p0) * F32Math.Tanh(TV.Of(p1) * x);
}

/// <summary>p0 · x + p1.</summary>
internal readonly struct AffineF32 : IUnaryF32
{
    public static string Stem => "affine-f32";

    public static double Of(double x, double p0, double p1) => p0 * x + p1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Fma(TV.Of(p0), x, TV.Of(p1));
}

/// <summary>x, or p0 · x below zero.</summary>
internal readonly struct LeakyReluF32 : IUnaryF32
{
    public static string Stem => "leaky-relu-f32";

    public static double Of(double x, double p0, double p1) => x < 0 ? p0 * x : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Select(TV.Less(x, TV.Of(0)), TV.Of(p0) * x, x);
}

/// <summary>x above p0, else zero.</summary>
internal readonly struct ThresholdedReluF32 : IUnaryF32
{
    public static string Stem => "thresholded-relu-f32";

    public static double Of(double x, double p0, double p1) => x <= p0 ? 0 : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Select(TV.Less(x, TV.Of(MathF.BitIncrement(p0))), TV.Of(0), x);
}

/// <summary>min(max(p0 · x + p1, 0), 1).</summary>
internal readonly struct HardSigmoidF32 : IUnaryF32
{
    public static string Stem => "hard-sigmoid-f32";

    public static double Of(double x, double p0, double p1) => Math.Min(Math.Max(p0 * x + p1, 0), 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Clamp(TV.Fma(TV.Of(p0), x, TV.Of(p1)), TV.Of(0), TV.Of(1));
}

/// <summary>x · min(max(x + 3, 0), 6) / 6.</summary>
internal readonly struct HardSwishF32 : IUnaryF32
{
    public static string Stem => "hard-swish-f32";

    public static double Of(double x, double p0, double p1) => x * Math.Min(Math.Max(x + 3, 0), 6) / 6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => x * (TV.Clamp(x + TV.Of(3), TV.Of(0), TV.Of(6)) * TV.Of(1f / 6));
}

/// <summary>x, or p0 · (eˣ − 1) below zero.</summary>
internal readonly struct EluF32 : IUnaryF32
{
    public static string Stem => "elu-f32";

    public static double Of(double x, double p0, double p1) => x < 0 ? p0 * ScalarMath.Expm1(x) : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Select(TV.Less(x, TV.Of(0)), TV.Of(p0) * F32Math.Expm1(x), x);
}

/// <summary>max(x, 0) + min(0, p0 · (e^(x / p0) − 1)).</summary>
internal readonly struct CeluF32 : IUnaryF32
{
    public static string Stem => "celu-f32";

    public static double Of(double x, double p0, double p1) => Math.Max(x, 0) + Math.Min(0, p0 * ScalarMath.Expm1(x / p0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Max(x, TV.Of(0)) + TV.Min(TV.Of(p0) * F32Math.Expm1(x / TV.Of(p0)), TV.Of(0));
}

/// <summary>p1 · x, or p1 · p0 · (eˣ − 1) at and below zero.</summary>
internal readonly struct SeluF32 : IUnaryF32
{
    public static string Stem => "selu-f32";

    public static double Of(double x, double p0, double p1) => p1 * (x <= 0 ? p0 * ScalarMath.Expm1(x) : x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Of(p1) * TV.Select(TV.Less(TV.Of(0), x), x, TV.Of(p0) * F32Math.Expm1(x));
}

/// <summary>log(1 + eˣ).</summary>
internal readonly struct SoftplusF32 : IUnaryF32
{
    public static string Stem => "softplus-f32";

    public static double Of(double x, double p0, double p1) => Math.Max(x, 0) + ScalarMath.Log1p(Math.Exp(-Math.Abs(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => TV.Max(x, TV.Of(0)) + F32Math.Log1p(F32Math.Exp(-TV.Abs(x)));
}

/// <summary>x / (1 + |x|).</summary>
internal readonly struct SoftsignF32 : IUnaryF32
{
    public static string Stem => "softsign-f32";

    public static double Of(double x, double p0, double p1) => x / (1 + Math.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => x / (TV.Abs(x) + TV.Of(1));
}

/// <summary>½ · x · (1 + erf(x / √2)).</summary>
internal readonly struct GeluF32 : IUnaryF32
{
    public static string Stem => "gelu-f32";

    public static double Of(double x, double p0, double p1) => x * ScalarMath.Normal(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => x * F32Math.Normal(x);
}

/// <summary>½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))): x · sigmoid of twice the argument of tanh.</summary>
internal readonly struct GeluTanhF32 : IUnaryF32
{
    public static string Stem => "gelu-tanh-f32";

    public static double Of(double x, double p0, double p1) => x / (1 + Math.Exp(-1.5957691216057307118 * x * (1 + 0.044715 * x * x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => x * F32Math.Sigmoid(x * TV.Fma(x * x, TV.Of(0.0713548162726f), TV.Of(1.5957691216057f)));
}

/// <summary>x · sigmoid(p0 · x).</summary>
internal readonly struct SwishF32 : IUnaryF32
{
    public static string Stem => "swish-f32";

    public static double Of(double x, double p0, double p1) => x / (1 + Math.Exp(-p0 * x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV> => x * F32Math.Sigmoid(TV.Of(p0) * x);
}

/// <summary>x · tanh(log(1 + eˣ)).</summary>
internal readonly struct MishF32 : IUnaryF32
{
    public static string Stem => "mish-f32";

    public static double Of(double x, double p0, double p1)
    {
        double e = Math.Exp(Math.Min(x, 40)), n = e * (e + 2);
        return x * (n / (n + 2));
    }

    // tanh(log(1 + e)) = e(e + 2) / (e(e + 2) + 2); from x = 20 on it is 1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Of<TV>(TV x, float p0, float p1) where TV : unmanaged, IF32Vector<TV>
    {
        var e = F32Math.Exp(TV.Clamp(x, TV.Of(float.NegativeInfinity), TV.Of(20)));
        var n = e * (e + TV.Of(2));
        return x * (n / (n + TV.Of(2)));
    }
}
