using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Converts element types; the target is stated by <see cref="Cast"/> or taken from an input by <see cref="CastLike"/>.</summary>
public abstract class CastOperator : Operator
{
    private protected CastOperator(Attributes a) : base(a) => Saturate = a.Bool("saturate", true);

    /// <summary>8-bit floats: values out of range become the largest, else infinity or NaN.</summary>
    public bool Saturate { get; }

    /// <inheritdoc/>
    public sealed override bool IsElementwise => true;

    private protected static void Infer(InferContext c, DType to)
    {
        c.Require(0, Types.Castable);
        c.Set(0, to, c.Shape(0));
    }
}

/// <summary>ONNX Cast: converts to the element type of attribute <c>to</c> (a name before opset 6).</summary>
public sealed class Cast(Attributes a) : CastOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "Cast";

    /// <summary>The target.</summary>
    public DType To { get; } = Check(a.Opset < 6 && a.Values.GetValueOrDefault("to") is string s ? FromName(s) : a.Int("to"));

    /// <inheritdoc/>
    public override OperatorKind Kind => To == DType.String ? OperatorKind.Dynamic : OperatorKind.Static;

    /// <inheritdoc/>
    public override void Infer(InferContext c) => Infer(c, To);

    private static DType Check(long to) => to is >= 0 and <= byte.MaxValue && Array.IndexOf(Types.Castable, (DType)to) >= 0 ? (DType)to : throw new OperatorException($"cannot cast to element type {to}");

    private static long FromName(string name) => name.ToUpperInvariant() switch
    {
        "FLOAT" => (long)DType.F32,
        "DOUBLE" => (long)DType.F64,
        "FLOAT16" => (long)DType.F16,
        "INT8" => (long)DType.I8,
        "INT16" => (long)DType.I16,
        "INT32" => (long)DType.I32,
        "INT64" => (long)DType.I64,
        "UINT8" => (long)DType.U8,
        "UINT16" => (long)DType.U16,
        "UINT32" => (long)DType.U32,
        "UINT64" => (long)DType.U64,
        "BOOL" => (long)DType.Bool,
        "STRING" => (long)DType.String,
        _ => throw new OperatorException($"cannot cast to element type '{name}'"),
    };
}

/// <summary>ONNX CastLike: converts input 0 to the element type of input 1.</summary>
public sealed class CastLike(Attributes a) : CastOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "CastLike";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, Types.Castable);
        Infer(c, c.DType(1));
    }
}
