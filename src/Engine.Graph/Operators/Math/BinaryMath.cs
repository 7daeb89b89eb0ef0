using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Add: a + b.</summary>
public sealed class Add(Attributes a) : BinaryOperator(a, "Add", Types.Numeric);

/// <summary>ONNX Sub: a − b.</summary>
public sealed class Sub(Attributes a) : BinaryOperator(a, "Sub", Types.Numeric);

/// <summary>ONNX Mul: a · b.</summary>
public sealed class Mul(Attributes a) : BinaryOperator(a, "Mul", Types.Numeric);

/// <summary>ONNX Div: a / b; integers truncate.</summary>
public sealed class Div(Attributes a) : BinaryOperator(a, "Div", Types.Numeric);

/// <summary>ONNX BitwiseAnd: bits set in both.</summary>
public sealed class BitwiseAnd(Attributes a) : BinaryOperator(a, "BitwiseAnd", Types.Integer);

/// <summary>ONNX BitwiseOr: bits set in either.</summary>
public sealed class BitwiseOr(Attributes a) : BinaryOperator(a, "BitwiseOr", Types.Integer);

/// <summary>ONNX BitwiseXor: bits set in one.</summary>
public sealed class BitwiseXor(Attributes a) : BinaryOperator(a, "BitwiseXor", Types.Integer);

/// <summary>ONNX BitShift: a shifted by b bits.</summary>
public sealed class BitShift(Attributes a) : BinaryOperator(a, "BitShift", Types.Unsigned)
{
    /// <summary>True towards the high bits.</summary>
    public bool Left { get; } = a.String("direction") switch
    {
        "LEFT" => true,
        "RIGHT" => false,
        var s => throw new OperatorException($"attribute 'direction' is '{s}', expected LEFT or RIGHT"),
    };
}

/// <summary>ONNX Mod: the remainder with the divisor's sign, or the dividend's when fmod is set.</summary>
public sealed class Mod(Attributes a) : BinaryOperator(a, "Mod", Types.Numeric)
{
    /// <summary>True when the result takes the dividend's sign, as in C.</summary>
    public bool Truncated { get; } = a.Bool("fmod");
}

/// <summary>ONNX Pow: aᵇ in the type of a; the exponent may have another type.</summary>
public sealed class Pow(Attributes a) : BinaryOperator(a, "Pow", Types.Numeric, exponent: Types.Numeric);

/// <summary>ONNX PRelu: a, or slope · a below zero; the slope broadcasts to a.</summary>
public sealed class PRelu(Attributes a) : BinaryOperator(a, "PRelu", Types.Numeric)
{
    /// <inheritdoc/>
    public override Shape AlignSecond(Shape a, Shape b)
    {
        // Before opset 7 a vector of slopes runs along the channels, axis 1.
        if (Attributes.Opset < 7 && b.Rank == 1 && b[0] != 1 && a.Rank > 1)
        {
            var d = new long[a.Rank - 1];
            Array.Fill(d, 1);
            d[0] = b[0];
            b = new Shape(d);
        }
        if (Shape.Broadcast(a, b) != a) throw new OperatorException($"slope {b} does not broadcast to input {a}");
        return b;
    }
}
