using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft GatherBlockQuantized(data, indices, scales, zero_points?): slices of block-quantized data along <c>gather_axis</c>,
/// dequantized: y = (q − zero) · scale. data u4, i4, or u8 holding <c>bits</c>-bit codes along the last axis (two a byte for 4, low
/// first); scales have data's logical shape with <c>quantize_axis</c> divided by <c>block_size</c>; zero points as scales, in data's
/// form. Without zero points: 0, and 2^(bits−1) for u8 data.
/// </summary>
public sealed class GatherBlockQuantized(Attributes a) : Operator(a)
{
    private readonly long _gatherAxis = a.Int("gather_axis", 0), _quantizeAxis = a.Int("quantize_axis", 1);

    /// <inheritdoc/>
    public override string Name => "GatherBlockQuantized";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Indices of the quantized axis that share a scale.</summary>
    public long Block { get; } = a.Int("block_size", 128) is var b and >= 16 && (b & (b - 1)) == 0 ? b : throw new OperatorException($"block_size is {a.Int("block_size")}, expected a power of 2 from 16 on");

    /// <summary>Bits a code of u8 data.</summary>
    public int Bits { get; } = a.Int("bits", 4) is 4 or 8 ? (int)a.Int("bits", 4) : throw new OperatorException($"bits is {a.Int("bits")}, expected 4 or 8");

    /// <summary>Element type of the codes.</summary>
    public DType Codes(DType data) => data == DType.U8 && Bits == 4 ? DType.U4 : data;

    /// <summary>The data's shape in codes.</summary>
    public Shape Logical(TensorType data) =>
        data.DType != DType.U8 || Bits == 8 ? data.Shape : data.Shape.Rank == 0 ? throw new OperatorException("data is a scalar") : data.Shape.With(data.Shape.Rank - 1, Checked.Mul(2, data.Shape[-1]));

    /// <summary>The axis gathered along.</summary>
    public int GatherAxis(Shape x) => x.Axis(_gatherAxis);

    /// <summary>How scales lie over the data.</summary>
    public QuantLayout Layout(Shape x, Shape scales) => QuantRules.Layout(x, scales, _quantizeAxis, Block);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.U4, DType.I4, DType.U8);
        c.Require(1, DType.I32, DType.I64);
        c.Require(2, DType.F32, DType.F16, DType.BF16);
        var x = Logical(c.In(0));
        if (x.Rank == 0) throw new OperatorException("data is a scalar");
        Layout(x, c.Shape(2));
        c.RequireSame(0, 3);
        if (c.Has(3) && Logical(c.In(3)).Elements < c.Shape(2).Elements) throw new OperatorException($"zero points of shape {c.Shape(3)} do not fit scales of shape {c.Shape(2)}");
        int axis = GatherAxis(x);
        c.Set(0, c.DType(2), new Shape([.. x.Dims[..axis], .. c.Shape(1).Dims, .. x.Dims[(axis + 1)..]]));
    }
}
