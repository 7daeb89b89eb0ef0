namespace Engine.Kernels;

/// <summary>Elementwise functions that fuse into linear and recurrent kernels; P0 and P1 are the parameters of <see cref="Activation"/>.</summary>
public enum ActivationKind : byte
{
    /// <summary>x.</summary>
    None,
    /// <summary>max(x, 0).</summary>
    Relu,
    /// <summary>min(max(x, P0), P1).</summary>
    Clip,
    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,
    /// <summary>tanh x.</summary>
    Tanh,
    /// <summary>P0 · tanh(P1 · x).</summary>
    ScaledTanh,
    /// <summary>P0 · x + P1.</summary>
    Affine,
    /// <summary>x, or P0 · x below zero.</summary>
    LeakyRelu,
    /// <summary>x above P0, else zero.</summary>
    ThresholdedRelu,
    /// <summary>min(max(P0 · x + P1, 0), 1).</summary>
    HardSigmoid,
    /// <summary>x · min(max(x / 6 + ½, 0), 1).</summary>
    HardSwish,
    /// <summary>x, or P0 · (eˣ − 1) below zero.</summary>
    Elu,
    /// <summary>max(x, 0) + min(0, P0 · (e^(x / P0) − 1)).</summary>
    Celu,
    /// <summary>P1 · x, or P1 · P0 · (eˣ − 1) below zero.</summary>
    Selu,
    /// <summary>log(1 + eˣ).</summary>
    Softplus,
    /// <summary>x / (1 + |x|).</summary>
    Softsign,
    /// <summary>½ · x · (1 + erf(x / √2)).</summary>
    Gelu,
    /// <summary>½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).</summary>
    GeluTanh,
    /// <summary>x · sigmoid(P0 · x).</summary>
    Swish,
    /// <summary>x · tanh(log(1 + eˣ)).</summary>
    Mish,
}

/// <summary>An activation with its parameters, applied to spans of f32; an element's result does not depend on its place in the span.</summary>
public readonly record struct Activation(ActivationKind Kind, float P0 = 0, float P1 = 0)
{
    /// <summary>The identity.</summary>
    public static Activation None => default;

    /// <summary>max(x, 0).</summary>
    public static Activation Relu => new(ActivationKind.Relu);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public static Activation Sigmoid => new(ActivationKind.Sigmoid);

    /// <summary>tanh x.</summary>
    public static Activation Tanh => new(ActivationKind.Tanh);

    /// <summary>x · sigmoid(x).</summary>
    public static Activation Silu => new(ActivationKind.Swish, 1);

    /// <summary>min(max(x, low), high).</summary>
    public static Activation Clip(float low, float high) => new(ActivationKind.Clip, low, high);

    /// <summary>
    /// The activation that a recurrent operator of ONNX names (letter case ignored), with ONNX's defaults where <paramref name="alpha"/>
    /// or <paramref name="beta"/> is null. False when the name is not known.
    /// </summary>
    public static bool TryParse(string name, float? alpha, float? beta, out Activation a)
    {
        Activation? found = name.ToUpperInvariant() switch
        {
            "RELU" => Relu,
            "TANH" => Tanh,
            "SIGMOID" => Sigmoid,
            "AFFINE" => new(ActivationKind.Affine, alpha ?? 1, beta ?? 0),
            "LEAKYRELU" => new(ActivationKind.LeakyRelu, alpha ?? 0.01f),
            "THRESHOLDEDRELU" => new(ActivationKind.ThresholdedRelu, alpha ?? 1),
            "SCALEDTANH" => new(ActivationKind.ScaledTanh, alpha ?? 1, beta ?? 1),
            "HARDSIGMOID" => new(ActivationKind.HardSigmoid, alpha ?? 0.2f, beta ?? 0.5f),
            "ELU" => new(ActivationKind.Elu, alpha ?? 1),
            "SOFTSIGN" => new(ActivationKind.Softsign),
            "SOFTPLUS" => new(ActivationKind.Softplus),
            _ => null,
        };
        a = found.GetValueOrDefault();
        return found is not null;
    }

    /// <summary>x[i] ← f(x[i]).</summary>
    public void Apply(Span<float> x) => Apply(x, x);

    /// <summary>f(x), equal to what <see cref="Apply(Span{float})"/> gives for this element.</summary>
    public float Apply(float x)
    {
        Apply(new Span<float>(ref x));
        return x;
    }

    /// <summary>y[i] = f(x[i]); y may be x.</summary>
    public unsafe void Apply(ReadOnlySpan<float> x, Span<float> y)
    {
        if (UnaryF32.Of(Kind) is not { } table) x.CopyTo(y);
        else
            fixed (float* px = x, py = y[..x.Length]) table.Best(px, py, x.Length, P0, P1);
    }
}
