using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX ScatterND: a copy of the data with slices put where the index rows, as coordinate prefixes, say.</summary>
public sealed class ScatterND(Attributes a) : Operator(a)
{
    /// <summary>What happens to the elements that are there.</summary>
    public ScatterReduction Reduction { get; } = ScatterElements.ReadReduction(a);

    /// <inheritdoc/>
    public override string Name => "ScatterND";

    /// <inheritdoc/>
    public override bool MovesData => Reduction == ScatterReduction.None;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I64);
        c.RequireSame(0, 2);
        Shape x = c.Shape(0), i = c.Shape(1), u = c.Shape(2);
        if (x.Rank == 0 || i.Rank == 0) throw new OperatorException($"data {x} and indices {i} must have an axis each");
        long depth = i[i.Rank - 1];
        if (depth < 1 || depth > x.Rank) throw new OperatorException($"index rows of {depth} coordinates do not fit data {x}");
        var expected = new Shape([.. i.Dims[..^1], .. x.Dims[(int)depth..]]);
        if (u != expected) throw new OperatorException($"updates have shape {u}, expected {expected} for data {x} and indices {i}");
        c.Set(0, c.DType(0), x);
    }
}
