using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine BinaryMaxPool(x f32 [N, C, …], direction i8 [C]?): the largest of the −1 and +1 in each window, the smallest in channels of direction −1; padding is left out. An element below 0 counts
/// as −1, any other as +1. Attributes are those of MaxPool. With bits that are set for −1 it is an AND, or an OR.
/// </summary>
public sealed class BinaryMaxPool(Attributes a) : Pool(a)
{
    /// <inheritdoc/>
    public override string Name => "BinaryMaxPool";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        base.Infer(c);
        if (!c.Has(1)) return;
        c.Require(1, DType.I8);
        if (c.Shape(1).Rank != 1 || c.Shape(1)[0] != c.Shape(0)[1]) throw new OperatorException($"direction {c.Shape(1)} is not one for each channel of {c.Shape(0)}");
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamSigns.Pool(c, this);
}
