using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX And: logical and.</summary>
public sealed class And(Attributes a) : BinaryOperator(a, "And", Types.Bool);

/// <summary>ONNX Or: logical or.</summary>
public sealed class Or(Attributes a) : BinaryOperator(a, "Or", Types.Bool);

/// <summary>ONNX Xor: logical exclusive or.</summary>
public sealed class Xor(Attributes a) : BinaryOperator(a, "Xor", Types.Bool);

/// <summary>ONNX Equal: a = b.</summary>
public sealed class Equal(Attributes a) : BinaryOperator(a, "Equal", Types.Comparable, DType.Bool);

/// <summary>ONNX Greater: a &gt; b.</summary>
public sealed class Greater(Attributes a) : BinaryOperator(a, "Greater", Types.Numeric, DType.Bool);

/// <summary>ONNX GreaterOrEqual: a ≥ b.</summary>
public sealed class GreaterOrEqual(Attributes a) : BinaryOperator(a, "GreaterOrEqual", Types.Numeric, DType.Bool);

/// <summary>ONNX Less: a &lt; b.</summary>
public sealed class Less(Attributes a) : BinaryOperator(a, "Less", Types.Numeric, DType.Bool);

/// <summary>ONNX LessOrEqual: a ≤ b.</summary>
public sealed class LessOrEqual(Attributes a) : BinaryOperator(a, "LessOrEqual", Types.Numeric, DType.Bool);
