using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine MaskedConv(x [N, C, …], w [M, C / group, …], bias? [M], out_mask?, in_mask?, residual?): a convolution of the channels and to the filters that masks keep, each sample its own. A mask has an
/// element a sample and channel, [N, M] or [N, C] with any axes of 1 behind, bool or f32; what is true or above 0 is kept, NaN is not. With z the convolution of x, whose dropped channels count as 0, plus
/// bias and residual, y[n, m] = activation(z[n, m]) where filter m is kept, else 0. Attributes are those of Conv and <c>activation</c>: empty, or Relu. So does Fire-Together-Wire-Together compute a layer.
/// </summary>
public sealed class MaskedConv(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MaskedConv";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>The convolution that it is without masks.</summary>
    public Conv Conv { get; } = new(a);

    /// <summary>True for max(·, 0) before filters are dropped.</summary>
    public bool Relu { get; } = a.String("activation", "") switch
    {
        "" => false,
        "Relu" => true,
        var s => throw new OperatorException($"activation '{s}' is not one of Relu and none"),
    };

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        Conv.Infer(c);
        var y = c.Outputs[0]!;
        Mask(c, 3, y.Shape);
        Mask(c, 4, c.Shape(0));
        if (c.Has(5) && c.In(5) != y) throw new OperatorException($"residual {c.In(5)} is not of the output's type {y}");
    }

    private static void Mask(InferContext c, int input, Shape of)
    {
        if (!c.Has(input)) return;
        c.Require(input, DType.Bool, DType.F32);
        var m = c.Shape(input);
        if (m.Rank < 2 || m[0] != of[0] || m[1] != of[1] || m.Product(2, m.Rank) != 1) throw new OperatorException($"mask {m} has not one element for each of {of[0]} samples and {of[1]} channels");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => Conv.Cost(c);

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (!c.Has(5)) StreamForms.Windows(c, Conv.Window, c.Type(1).Shape.Dims[2..], 0, a => new MaskedConv(a));
        else
        {
            for (int i = 1; i < 5; i++) if (c.Has(i) && !c.IsConstant(i)) throw c.Refuse($"operand {i} is computed");
            StreamForms.Residual(c, Conv.Window, c.Type(1).Shape.Dims[2..], 5, a => new MaskedConv(a));
        }
    }
}
