using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Abs: |x|.</summary>
public sealed class Abs(Attributes a) : UnaryOperator(a, "Abs", Types.Numeric);

/// <summary>ONNX Neg: −x.</summary>
public sealed class Neg(Attributes a) : UnaryOperator(a, "Neg", Types.Signed);

/// <summary>ONNX Sign: −1, 0 or 1.</summary>
public sealed class Sign(Attributes a) : UnaryOperator(a, "Sign", Types.Numeric);

/// <summary>ONNX Reciprocal: 1 / x.</summary>
public sealed class Reciprocal(Attributes a) : UnaryOperator(a, "Reciprocal", Types.Float, operations: 4);

/// <summary>ONNX Sqrt: √x.</summary>
public sealed class Sqrt(Attributes a) : UnaryOperator(a, "Sqrt", Types.Float, operations: 4);

/// <summary>ONNX Floor: the largest integer not above x.</summary>
public sealed class Floor(Attributes a) : UnaryOperator(a, "Floor", Types.Float);

/// <summary>ONNX Ceil: the smallest integer not below x.</summary>
public sealed class Ceil(Attributes a) : UnaryOperator(a, "Ceil", Types.Float);

/// <summary>ONNX Round: the nearest integer, ties to even.</summary>
public sealed class Round(Attributes a) : UnaryOperator(a, "Round", Types.Float);

/// <summary>ONNX Exp: eˣ.</summary>
public sealed class Exp(Attributes a) : UnaryOperator(a, "Exp", Types.Float, operations: 12);

/// <summary>ONNX Log: natural logarithm.</summary>
public sealed class Log(Attributes a) : UnaryOperator(a, "Log", Types.Float, operations: 16);

/// <summary>ONNX Erf: error function.</summary>
public sealed class Erf(Attributes a) : UnaryOperator(a, "Erf", Types.Float, operations: 24);

/// <summary>ONNX Sin: sine.</summary>
public sealed class Sin(Attributes a) : UnaryOperator(a, "Sin", Types.Float, operations: 24);

/// <summary>ONNX Cos: cosine.</summary>
public sealed class Cos(Attributes a) : UnaryOperator(a, "Cos", Types.Float, operations: 24);

/// <summary>ONNX Tan: tangent.</summary>
public sealed class Tan(Attributes a) : UnaryOperator(a, "Tan", Types.Float, operations: 32);

/// <summary>ONNX Asin: inverse sine.</summary>
public sealed class Asin(Attributes a) : UnaryOperator(a, "Asin", Types.Float, operations: 32);

/// <summary>ONNX Acos: inverse cosine.</summary>
public sealed class Acos(Attributes a) : UnaryOperator(a, "Acos", Types.Float, operations: 32);

/// <summary>ONNX Atan: inverse tangent.</summary>
public sealed class Atan(Attributes a) : UnaryOperator(a, "Atan", Types.Float, operations: 32);

/// <summary>ONNX Sinh: hyperbolic sine.</summary>
public sealed class Sinh(Attributes a) : UnaryOperator(a, "Sinh", Types.Float, operations: 32);

/// <summary>ONNX Cosh: hyperbolic cosine.</summary>
public sealed class Cosh(Attributes a) : UnaryOperator(a, "Cosh", Types.Float, operations: 32);

/// <summary>ONNX Asinh: inverse hyperbolic sine.</summary>
public sealed class Asinh(Attributes a) : UnaryOperator(a, "Asinh", Types.Float, operations: 32);

/// <summary>ONNX Acosh: inverse hyperbolic cosine.</summary>
public sealed class Acosh(Attributes a) : UnaryOperator(a, "Acosh", Types.Float, operations: 32);

/// <summary>ONNX Atanh: inverse hyperbolic tangent.</summary>
public sealed class Atanh(Attributes a) : UnaryOperator(a, "Atanh", Types.Float, operations: 32);

/// <summary>ONNX Not: logical negation.</summary>
public sealed class Not(Attributes a) : UnaryOperator(a, "Not", Types.Bool);

/// <summary>ONNX BitwiseNot: every bit inverted.</summary>
public sealed class BitwiseNot(Attributes a) : UnaryOperator(a, "BitwiseNot", Types.Integer);

/// <summary>ONNX IsNaN: true where x is NaN.</summary>
public sealed class IsNaN(Attributes a) : UnaryOperator(a, "IsNaN", Types.FloatAndSmall, DType.Bool);

/// <summary>ONNX IsInf: true where x is an infinity of a sign asked for.</summary>
public sealed class IsInf(Attributes a) : UnaryOperator(a, "IsInf", Types.FloatAndSmall, DType.Bool)
{
    /// <summary>Negative infinities count.</summary>
    public bool Negative { get; } = a.Bool("detect_negative", true);

    /// <summary>Positive infinities count.</summary>
    public bool Positive { get; } = a.Bool("detect_positive", true);
}

/// <summary>ONNX Shrink: x + bias below −lambd, x − bias above lambd, else 0.</summary>
public sealed class Shrink(Attributes a) : UnaryOperator(a, "Shrink", Types.Numeric)
{
    /// <summary>What moves x towards zero.</summary>
    public float Bias { get; } = a.Float("bias", 0);

    /// <summary>Half width of the band that becomes 0.</summary>
    public float Lambd { get; } = a.Float("lambd", 0.5f);
}
