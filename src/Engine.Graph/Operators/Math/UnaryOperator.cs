using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>One input, one output of the same shape; element i of the output depends on element i of the input alone.</summary>
public abstract class UnaryOperator : Operator
{
    private readonly DType[] _allowed;
    private readonly DType? _result;
    private readonly double _operations;

    private protected UnaryOperator(Attributes a, string name, DType[] allowed, DType? result = null, double operations = 1) : base(a) =>
        (Name, _allowed, _result, _operations) = (name, allowed, result, operations);

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, _allowed);
        c.Set(0, _result ?? c.DType(0), c.Shape(0));
    }

    /// <inheritdoc/>
    public sealed override Cost Cost(InferContext c) => new(_operations * c.OutputElements, c.TotalBytes);
}
