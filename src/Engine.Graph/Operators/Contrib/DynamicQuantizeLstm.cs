using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft DynamicQuantizeLSTM: an LSTM with 8-bit W [directions, input, 4·hidden] and R [directions, hidden, 4·hidden], followed by
/// the optional operands of LSTM and W_scale, W_zero_point, R_scale, R_zero_point, each [directions] or [directions, 4·hidden]. X as far as
/// the longest sequence, and the hidden states that enter a step, are quantized to u8 (see <see cref="DynamicQuantizeLinear"/>) for integer products.
/// </summary>
public sealed class DynamicQuantizeLstm : Lstm
{
    /// <summary>Inputs that scale W and R; their zero points follow each.</summary>
    public const int WeightScale = 8, RecurrentScale = 10;

    /// <summary>An operator with these attributes.</summary>
    public DynamicQuantizeLstm(Attributes a) : base(a)
    {
        if (BatchFirst) throw new OperatorException("layout 1 is not defined for DynamicQuantizeLSTM");
    }

    /// <inheritdoc/>
    public override string Name => "DynamicQuantizeLSTM";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <inheritdoc/>
    public override long Hidden(Shape recurrent) => recurrent[1];

    private protected override Shape WeightShape(long gates, long inputs) => new(Directions, inputs, gates);

    private protected override void RequireWeights(InferContext c, long gates)
    {
        c.Require(0, DType.F32);
        RequireQuantized(c, 1, WeightScale, gates);
        RequireQuantized(c, 2, RecurrentScale, gates);
    }

    private void RequireQuantized(InferContext c, int weights, int scale, long gates)
    {
        c.Require(weights, DType.U8, DType.I8);
        c.Require(scale, DType.F32);
        c.RequireSame(weights, scale + 1);
        for (int i = scale; i <= scale + 1; i++)
            if (c.Has(i) && c.Shape(i) != new Shape(Directions) && c.Shape(i) != new Shape(Directions, gates))
                throw new OperatorException($"input {i} has shape {c.Shape(i)}, expected one value for each of {Directions} directions or of their {gates} columns");
    }
}
