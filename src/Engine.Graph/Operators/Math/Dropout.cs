using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX Dropout: the input, and a mask of ones. From opset 12 an input may ask for training: then elements are dropped with probability
/// ratio and the rest scaled by 1 / (1 − ratio). Earlier training forms run as inference.
/// </summary>
public sealed class Dropout(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Dropout";

    /// <summary>True when input 2 decides at run time whether elements are dropped.</summary>
    public bool MayTrain { get; } = a.Opset >= 12 && a.InputCount > 2;

    /// <summary>The seed, or null for a new one every run.</summary>
    public long? Seed { get; } = a.Opset >= 12 && a.Has("seed") ? a.Int("seed") : null;

    /// <inheritdoc/>
    public override OperatorKind Kind => Attributes.OutputCount <= 1 && !MayTrain ? OperatorKind.View : OperatorKind.Static;

    /// <inheritdoc/>
    public override bool IsRandom => MayTrain;

    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, Types.Float);
        if (c.Has(1) && c.Shape(1).Elements != 1) throw new OperatorException($"ratio has shape {c.Shape(1)}, expected a scalar");
        if (c.Has(1)) c.Require(1, Types.Float);
        if (c.Has(2) && c.Shape(2).Elements != 1) throw new OperatorException($"training_mode has shape {c.Shape(2)}, expected a scalar");
        if (c.Has(2)) c.Require(2, DType.Bool);
        c.Set(0, c.In(0));
        c.Set(1, Attributes.Opset < 10 ? c.DType(0) : DType.Bool, c.Shape(0));
    }
}
