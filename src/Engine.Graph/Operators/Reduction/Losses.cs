using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>How losses of single elements become the result.</summary>
public enum LossReduction
{
    /// <summary>One loss an element.</summary>
    None,
    /// <summary>Their sum.</summary>
    Sum,
    /// <summary>Their sum over the sum of weights.</summary>
    Mean,
}

/// <summary>A classification loss over scores [N, C, d…], labels [N, d…] and optional class weights [C].</summary>
public abstract class ClassificationLoss : Operator
{
    private protected ClassificationLoss(Attributes a) : base(a)
    {
        Reduction = a.String("reduction", "mean") switch
        {
            "none" => LossReduction.None,
            "sum" => LossReduction.Sum,
            "mean" => LossReduction.Mean,
            var r => throw new OperatorException($"reduction '{r}' is not none, sum or mean"),
        };
        IgnoreIndex = a.Has("ignore_index") ? a.Int("ignore_index") : null;
    }

    /// <summary>How losses are combined.</summary>
    public LossReduction Reduction { get; }

    /// <summary>Label of elements that do not count, or null.</summary>
    public long? IgnoreIndex { get; }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        c.Require(1, DType.I32, DType.I64);
        Shape x = c.Shape(0), t = c.Shape(1);
        if (x.Rank < 2 || t.Rank != x.Rank - 1 || t[0] != x[0] || !t.Dims[1..].SequenceEqual(x.Dims[2..])) throw new OperatorException($"labels of shape {t} do not fit scores of shape {x}");
        if (c.Has(2))
        {
            c.RequireSame(0, 2);
            if (c.Shape(2).Rank != 1 || c.Shape(2)[0] != x[1]) throw new OperatorException($"weights of shape {c.Shape(2)} do not fit {x[1]} classes");
        }
        c.Set(0, c.DType(0), Reduction == LossReduction.None ? t : Shape.Scalar);
        c.Set(1, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(20.0 * c.In(0).Elements, c.TotalBytes);
}

/// <summary>ONNX NegativeLogLikelihoodLoss: −weight[label] · score[label].</summary>
public sealed class NegativeLogLikelihoodLoss(Attributes a) : ClassificationLoss(a)
{
    /// <inheritdoc/>
    public override string Name => "NegativeLogLikelihoodLoss";
}

/// <summary>ONNX SoftmaxCrossEntropyLoss: the same on the log-softmax over classes, which is output 1.</summary>
public sealed class SoftmaxCrossEntropyLoss(Attributes a) : ClassificationLoss(a)
{
    /// <inheritdoc/>
    public override string Name => "SoftmaxCrossEntropyLoss";
}
