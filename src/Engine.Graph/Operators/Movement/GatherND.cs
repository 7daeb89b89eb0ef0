using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX GatherND: each row of the indices is a coordinate prefix that picks a slice of the data, batch axes first.</summary>
public sealed class GatherND(Attributes a) : Operator(a)
{
    /// <summary>Number of leading axes that data and indices share.</summary>
    public long BatchDims { get; } = a.Int("batch_dims", 0);

    /// <inheritdoc/>
    public override string Name => "GatherND";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I64);
        Shape x = c.Shape(0), i = c.Shape(1);
        if (x.Rank == 0 || i.Rank == 0) throw new OperatorException($"data {x} and indices {i} must have an axis each");
        if (BatchDims < 0 || BatchDims >= Math.Min(x.Rank, i.Rank)) throw new OperatorException($"batch_dims {BatchDims} is outside data {x} and indices {i}");
        int batch = (int)BatchDims;
        if (!x.Dims[..batch].SequenceEqual(i.Dims[..batch])) throw new OperatorException($"data {x} and indices {i} differ in their {batch} batch axes");
        long depth = i[i.Rank - 1];
        if (depth < 1 || depth > x.Rank - batch) throw new OperatorException($"index rows of {depth} coordinates do not fit data {x} after {batch} batch axes");
        c.Set(0, c.DType(0), new Shape([.. i.Dims[..^1], .. x.Dims[(batch + (int)depth)..]]));
    }
}
