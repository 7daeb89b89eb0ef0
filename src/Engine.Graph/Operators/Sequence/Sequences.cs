using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX SequenceConstruct: the inputs, tensors of one element type, as a sequence.</summary>
public sealed class SequenceConstruct(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceConstruct";
}

/// <summary>ONNX SequenceEmpty: a sequence of no tensors of an element type, f32 unless given.</summary>
public sealed class SequenceEmpty(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceEmpty";

    /// <summary>Element type of the tensors to come.</summary>
    public DType ElementType { get; } = (DType)a.Int("dtype", (long)DType.F32) is var t && t.IsDefined() ? t : throw new OperatorException($"dtype {(int)t} is no element type");
}

/// <summary>ONNX SequenceInsert: the sequence with a tensor put in before a position, or at the end.</summary>
public sealed class SequenceInsert(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceInsert";
}

/// <summary>ONNX SequenceErase: the sequence without the tensor at a position, or without the last.</summary>
public sealed class SequenceErase(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceErase";
}

/// <summary>ONNX SequenceAt: the tensor at a position.</summary>
public sealed class SequenceAt(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceAt";
}

/// <summary>ONNX SequenceLength: the number of tensors as an i64 scalar.</summary>
public sealed class SequenceLength(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "SequenceLength";
}
