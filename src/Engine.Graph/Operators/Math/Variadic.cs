using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>One or more inputs of one type that broadcast together.</summary>
public abstract class VariadicOperator : Operator
{
    private readonly DType[] _allowed;

    private protected VariadicOperator(Attributes a, string name, DType[] allowed) : base(a) => (Name, _allowed) = (name, allowed);

    /// <inheritdoc/>
    public sealed override string Name { get; }

    // The output gathers input by input, so it may not lie over one that is still to be read.
    /// <inheritdoc/>
    public sealed override bool IsElementwise => Attributes.InputCount is 1 or 2;

    /// <inheritdoc/>
    public sealed override void Infer(InferContext c)
    {
        c.Require(0, _allowed);
        var shape = c.Shape(0);
        for (int i = 1; i < c.InputCount; i++)
        {
            c.RequireSame(0, i);
            shape = Shape.Broadcast(shape, c.Shape(i));
        }
        c.Set(0, c.DType(0), shape);
    }

    /// <inheritdoc/>
    public sealed override Cost Cost(InferContext c) => new(c.OutputElements * c.InputCount, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Join(c);
}

/// <summary>ONNX Max: the largest; NaN where any is.</summary>
public sealed class Max(Attributes a) : VariadicOperator(a, "Max", Types.Numeric);

/// <summary>ONNX Min: the smallest; NaN where any is.</summary>
public sealed class Min(Attributes a) : VariadicOperator(a, "Min", Types.Numeric);

/// <summary>ONNX Sum: the sum.</summary>
public sealed class Sum(Attributes a) : VariadicOperator(a, "Sum", Types.Float);

/// <summary>ONNX Mean: the sum divided by the number of inputs.</summary>
public sealed class Mean(Attributes a) : VariadicOperator(a, "Mean", Types.Float);
