using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine L1Normalization(x, scale, bias?): y = (x − μ) / (mean|x − μ| + ε) · scale + bias over the axes from <c>axis</c> on, μ the mean over them. Scale and bias have the
/// shape of these axes. Trained for it; not interchangeable with LayerNormalization.
/// </summary>
public sealed class L1Normalization(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "L1Normalization";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>Added to the mean magnitude.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f) is var e and >= 0 and < float.PositiveInfinity ? e : throw new OperatorException($"epsilon is {a.Float("epsilon", 0)}, expected a finite number not below 0");

    /// <summary>First axis of the statistics.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        var x = c.Shape(0);
        if (x.Rank == 0) throw new OperatorException("a scalar has no rows");
        var row = new Shape(x.Dims[Axis(x)..]);
        for (int i = 1; i <= 2; i++)
        {
            if (i == 2 && !c.Has(2)) continue;
            c.RequireSame(0, i);
            if (c.Shape(i) != row) throw new OperatorException($"input {i} of shape {c.Shape(i)} does not fit the axes from {Axis(x)} on of {x}");
        }
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(6.0 * c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis >= Axis(c.Type(0).Shape), "its statistics run over the stream");
}
