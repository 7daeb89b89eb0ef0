using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX ReverseSequence: in each batch entry the first <c>sequence_lens</c> steps of time are reversed.</summary>
public sealed class ReverseSequence : Operator
{
    /// <summary>Creates the operator.</summary>
    public ReverseSequence(Attributes a) : base(a)
    {
        TimeAxis = Axis(a, "time_axis", 0);
        if (Axis(a, "batch_axis", 1) == TimeAxis) throw new OperatorException("time_axis and batch_axis are the same");
    }

    /// <summary>0 or 1; the batch axis is the other.</summary>
    public int TimeAxis { get; }

    /// <inheritdoc/>
    public override string Name => "ReverseSequence";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I64);
        var x = c.Shape(0);
        if (x.Rank < 2) throw new OperatorException($"input {x} has no time and batch axes");
        if (c.Shape(1) != new Shape(x[1 - TimeAxis])) throw new OperatorException($"sequence_lens has shape {c.Shape(1)}, expected [{x[1 - TimeAxis]}]");
        c.Set(0, c.DType(0), x);
    }

    private static int Axis(Attributes a, string name, long fallback)
    {
        long v = a.Int(name, fallback);
        return v is 0 or 1 ? (int)v : throw new OperatorException($"{name} {v} is neither 0 nor 1");
    }
}
