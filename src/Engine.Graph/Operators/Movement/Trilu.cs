using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Trilu: the upper or lower triangle of each matrix, from diagonal k (input 1, 0 unless given); zeros elsewhere.</summary>
public sealed class Trilu(Attributes a) : Operator(a)
{
    /// <summary>True for the upper triangle.</summary>
    public bool Upper { get; } = a.Bool("upper", true);

    /// <inheritdoc/>
    public override string Name => "Trilu";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (c.Shape(0).Rank < 2) throw new OperatorException($"input {c.Shape(0)} is no matrix");
        if (c.Has(1))
        {
            c.Require(1, DType.I64);
            if (c.Shape(1).Elements != 1) throw new OperatorException($"k has shape {c.Shape(1)}, expected one element");
        }
        c.Set(0, c.DType(0), c.Shape(0));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => throw c.Refuse("which elements it keeps depends on their place in the signal");
}
