using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine BinaryConv(x f32 [N, C, …], w f32 [M, C / group, …], scale f32 [M] or threshold i32 [M]?, bias f32 [M] or direction i8 [M]?, negative f32 [M]?): a convolution of −1 and +1 by −1 and +1 whose
/// sums s are integers; padding counts 0. With a scale, or neither, y = scale[m] · s + bias[m], rounded once (scale 1 and bias 0 where left out), where s &lt; 0 with negative[m] for the scale if it is
/// given; with a threshold, y = −1 where direction[m] · (s − threshold[m]) &lt; 0, else +1, direction +1 where left out. x [.., K] with w [M, K] is a matrix product. An element of x below 0 counts as −1, any other as +1. Attributes are those of Conv.
/// </summary>
public sealed class BinaryConv(Attributes a) : Operator(a)
{
    /// <summary>Most operands.</summary>
    public const int MostInputs = 5;

    /// <inheritdoc/>
    public override string Name => "BinaryConv";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>The convolution that its sums are.</summary>
    public Conv Conv { get; } = new(a);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        c.Require(1, DType.F32);
        var (x, w) = (c.Shape(0), c.Shape(1));
        Shape y;
        if (w.Rank == 2)
        {
            if (x.Rank < 2 || x[-1] != w[1]) throw new OperatorException($"cannot multiply {x} by {w}: [.., K] and [M, K] expected");
            if (Conv.Group != 1) throw new OperatorException($"group is {Conv.Group}, a matrix product has 1");
            y = x.With(x.Rank - 1, w[0]);
        }
        else
        {
            if (x.Rank < 3 || w.Rank != x.Rank) throw new OperatorException($"input {x} and weights {w} must have one rank of at least 3");
            if (x[1] % Conv.Group != 0 || w[1] != x[1] / Conv.Group) throw new OperatorException($"weights {w} do not fit the channels of {x} in {Conv.Group} groups");
            if (w[0] % Conv.Group != 0) throw new OperatorException($"{w[0]} output channels cannot be split in {Conv.Group} groups");
            y = WindowAttributes.OutputShape(x, w[0], Conv.Windows(x, w));
        }
        bool signs = c.Has(2) && c.DType(2) == DType.I32;
        PerChannel(c, 2, w[0], DType.F32, DType.I32);
        PerChannel(c, 3, w[0], signs ? DType.I8 : DType.F32);
        if (signs && c.Has(4)) throw new OperatorException("a scale of negative sums stands beside thresholds, which need none");
        PerChannel(c, 4, w[0], DType.F32);
        c.Set(0, DType.F32, y);
    }

    private static void PerChannel(InferContext c, int i, long channels, params ReadOnlySpan<DType> types)
    {
        if (!c.Has(i)) return;
        c.Require(i, types);
        if (c.Shape(i).Rank != 1 || c.Shape(i)[0] != channels) throw new OperatorException($"input {i} has shape {c.Shape(i)}, expected one element for each of {channels} output channels");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var w = c.Shape(1);
        return new(2 * c.OutputElements * (w[0] == 0 ? 0 : (double)w.Elements / w[0]), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamSigns.Conv(c, this);
}
