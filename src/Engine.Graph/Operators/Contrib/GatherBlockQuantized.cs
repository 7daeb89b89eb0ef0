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

    /// <summary>Bits a code of data of this type.</summary>
    public int CodeBits(DType data) => data == DType.U8 ? Bits : 4;

    /// <summary>The zero point where none is given.</summary>
    public int Middle(DType data) => data == DType.U8 ? 1 << (Bits - 1) : 0;

    /// <summary>The data's shape in codes.</summary>
    public Shape Logical(TensorType data) =>
        data.DType != DType.U8 || Bits == 8 ? data.Shape : data.Shape.Rank == 0 ? throw new OperatorException("data is a scalar") : data.Shape.With(data.Shape.Rank - 1, Checked.Mul(2, data.Shape[-1]));

    /// <summary>The axis gathered along.</summary>
    public int GatherAxis(Shape x) => x.Axis(_gatherAxis);

    /// <summary>How scales lie over the data.</summary>
    public QuantLayout Layout(Shape x, Shape scales) => QuantRules.Layout(x, scales, _quantizeAxis, Block);

    private static bool Fits(Shape zeros, Shape scales) =>
        zeros.Rank == scales.Rank && (zeros.Rank == 0 || zeros[-1] >= scales[-1] && zeros.Product(0, zeros.Rank - 1) >= scales.Product(0, scales.Rank - 1));

    /// <summary>Zero points as numbers in the order of the scales; each row of packed u8 ones starts on a byte.</summary>
    public void ReadZeros(TensorType zeros, ReadOnlySpan<byte> codes, Shape scales, Span<float> to)
    {
        int bits = CodeBits(zeros.DType), row = scales.Rank == 0 ? 1 : scales.Int(-1), stored = zeros.Shape.Rank == 0 ? 1 : Checked.Int(Logical(zeros)[-1]), flip = zeros.DType == DType.I4 ? 8 : 0;
        for (int k = 0; k < to.Length; k++) to[k] = (BitStream.Get(codes, k / row * (long)stored + k % row, bits) ^ flip) - flip;
    }

    /// <summary>Constant data, scales and zero points as one weight; null where scales are not f32.</summary>
    public Quantized? Weight(Tensor data, Tensor scales, Tensor? zeros)
    {
        if (scales.DType != DType.F32) return null;
        var x = Logical(data.Type);
        Tensor? z = zeros is null ? data.DType == DType.U4 ? Tensor.Scalar(0f) : null : Tensor.Allocate(DType.F32, scales.Shape);
        if (zeros is not null) ReadZeros(zeros.Type, zeros.Bytes, scales.Shape, z!.Span<float>());
        return new Quantized(x, CodeBits(data.DType), data, Granularity.Group, new Dense(scales), z is null ? null : new Dense(z), data.DType == DType.I4, x.Axis(_quantizeAxis), Checked.Int(Block));
    }

    /// <summary>The gather of the decoded rows.</summary>
    public Gather Plain() => new(new Attributes(13, new Dictionary<string, object> { ["axis"] = _gatherAxis }) { InputCount = 2 });

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
        if (c.Has(3) && !Fits(Logical(c.In(3)), c.Shape(2))) throw new OperatorException($"zero points of shape {c.Shape(3)} do not fit scales of shape {c.Shape(2)}");
        int axis = GatherAxis(x);
        c.Set(0, c.DType(2), new Shape([.. x.Dims[..axis], .. c.Shape(1).Dims, .. x.Dims[(axis + 1)..]]));
    }
}
