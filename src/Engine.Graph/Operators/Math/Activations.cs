using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Relu: max(x, 0).</summary>
public sealed class Relu(Attributes a) : UnaryOperator(a, "Relu", Types.Signed);

/// <summary>ONNX Sigmoid: 1 / (1 + e⁻ˣ).</summary>
public sealed class Sigmoid(Attributes a) : UnaryOperator(a, "Sigmoid", Types.Float, operations: 16);

/// <summary>ONNX Tanh: hyperbolic tangent.</summary>
public sealed class Tanh(Attributes a) : UnaryOperator(a, "Tanh", Types.Float, operations: 20);

/// <summary>ONNX LeakyRelu: x, or alpha · x below zero.</summary>
public sealed class LeakyRelu(Attributes a) : UnaryOperator(a, "LeakyRelu", Types.Float, operations: 2)
{
    /// <summary>The factor below zero.</summary>
    public float Alpha { get; } = a.Float("alpha", 0.01f);
}

/// <summary>ONNX ThresholdedRelu: x above alpha, else 0.</summary>
public sealed class ThresholdedRelu(Attributes a) : UnaryOperator(a, "ThresholdedRelu", Types.Float)
{
    /// <summary>The threshold.</summary>
    public float Alpha { get; } = a.Float("alpha", 1);
}

/// <summary>ONNX HardSigmoid: max(0, min(1, alpha · x + beta)).</summary>
public sealed class HardSigmoid(Attributes a) : UnaryOperator(a, "HardSigmoid", Types.Float, operations: 4)
{
    /// <summary>The slope.</summary>
    public float Alpha { get; } = a.Float("alpha", 0.2f);

    /// <summary>The offset.</summary>
    public float Beta { get; } = a.Float("beta", 0.5f);
}

/// <summary>ONNX HardSwish: x · max(0, min(1, x / 6 + ½)).</summary>
public sealed class HardSwish(Attributes a) : UnaryOperator(a, "HardSwish", Types.Float, operations: 5);

/// <summary>ONNX Elu: x, or alpha · (eˣ − 1) below zero.</summary>
public sealed class Elu(Attributes a) : UnaryOperator(a, "Elu", Types.Float, operations: 16)
{
    /// <summary>The factor below zero.</summary>
    public float Alpha { get; } = a.Float("alpha", 1);
}

/// <summary>ONNX Celu: max(0, x) + min(0, alpha · (e^(x / alpha) − 1)).</summary>
public sealed class Celu(Attributes a) : UnaryOperator(a, "Celu", Types.Float, operations: 20)
{
    /// <summary>The scale.</summary>
    public float Alpha { get; } = a.Float("alpha", 1);
}

/// <summary>ONNX Softplus: log(1 + eˣ).</summary>
public sealed class Softplus(Attributes a) : UnaryOperator(a, "Softplus", Types.Float, operations: 32);

/// <summary>ONNX Softsign: x / (1 + |x|).</summary>
public sealed class Softsign(Attributes a) : UnaryOperator(a, "Softsign", Types.Float, operations: 6);

/// <summary>ONNX Mish: x · tanh(log(1 + eˣ)).</summary>
public sealed class Mish(Attributes a) : UnaryOperator(a, "Mish", Types.Float, operations: 24);

/// <summary>ONNX Selu: gamma · x, or gamma · alpha · (eˣ − 1) at and below zero.</summary>
public sealed class Selu(Attributes a) : UnaryOperator(a, "Selu", Types.Float, operations: 18)
{
    // Opset 1 rounded its defaults to four decimals.
    /// <summary>The factor at and below zero.</summary>
    public float Alpha { get; } = a.Float("alpha", a.Opset < 6 ? 1.6732f : 1.67326319217681884765625f);

    /// <summary>The factor everywhere.</summary>
    public float Gamma { get; } = a.Float("gamma", a.Opset < 6 ? 1.0507f : 1.05070102214813232421875f);
}

/// <summary>ONNX Gelu: ½ · x · (1 + erf(x / √2)), or its approximation by tanh.</summary>
public sealed class Gelu(Attributes a) : UnaryOperator(a, "Gelu", Types.Float, operations: 32)
{
    /// <summary>True for the approximation by tanh.</summary>
    public bool ByTanh { get; } = a.String("approximate", "none") switch
    {
        "none" => false,
        "tanh" => true,
        var s => throw new OperatorException($"attribute 'approximate' is '{s}', expected none or tanh"),
    };
}
