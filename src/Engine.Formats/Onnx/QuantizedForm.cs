using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// A <see cref="Quantized"/> weight as ONNX stores one: codes in 4 or 8 bits (fewer bits are widened), scales f32, zero points as codes.
/// Codes around a middle become signed ones without zero points.
/// </summary>
internal sealed record QuantizedForm(Tensor Codes, Tensor Scale, Tensor? Zero, int Axis, int Block)
{
    /// <summary>Opset of the ONNX domain whose DequantizeLinear reads such operands.</summary>
    public static int Opset(DType codes, Shape scale, long block) => codes.IsPacked() || block > 0 ? 21 : scale.Rank > 0 && scale.Elements > 1 ? 13 : 10;

    public static QuantizedForm Of(Quantized w, string name)
    {
        if (w.Table is not null) throw Unsupported(w, name, "codes of a table");
        if (w.Minimum is not null) throw Unsupported(w, name, "minima instead of zero points");
        bool signed = w.Signed || w.Zero is null;
        int shift = w.Signed || w.Zero is not null ? 0 : 1 << (w.Bits - 1);
        var type = (w.Bits <= 4, signed) switch { (true, true) => DType.I4, (true, false) => DType.U4, (false, true) => DType.I8, _ => DType.U8 };
        var codes = Tensor.Allocate(type, w.Shape);
        for (long i = 0; i < w.Shape.Elements; i++) QuantCodes.Write(type, codes.Bytes, i, Code(w, i) - shift);
        var scaleShape = w.Granularity switch
        {
            Granularity.Tensor => Shape.Scalar,
            Granularity.Channel => new Shape(w.Shape[w.Axis]),
            _ => w.Shape.With(w.Axis, Checked.CeilDiv(w.Shape[w.Axis], w.Group)),
        };
        Tensor? zero = null;
        if (w.Zero is not null)
        {
            zero = Tensor.Allocate(type, scaleShape);
            var z = Zeros(w, name, scaleShape.Count);
            for (int i = 0; i < z.Length; i++) QuantCodes.Write(type, zero.Bytes, i, z[i]);
        }
        return new(codes, w.Scale.ToF32().Reshape(scaleShape), zero, w.Axis, w.Group);
    }

    /// <summary>
    /// True where node <paramref name="n"/> can be written as com.microsoft MatMulNBits: a product A · Wᵀ with groups along K, 16 or more
    /// and a power of two.
    /// </summary>
    public static bool IsNBits(Node n) => n.Op switch
    {
        FusedMatMul m => m.Alpha == 1 && m.Attributes.Bool("transB") && !m.Attributes.Bool("transA") && !m.Attributes.Bool("transBatchA") && !m.Attributes.Bool("transBatchB"),
        Gemm g => g is { Alpha: 1, Beta: 1 } && g.Attributes.Bool("transB") && !g.Attributes.Bool("transA"),
        _ => false,
    } && n.Input(1)?.Constant is Quantized { Table: null, Minimum: null, Granularity: Granularity.Group, Shape.Rank: 2, Axis: 1 } q && IsBlock(q.Group);

    /// <summary>True where node <paramref name="n"/> can be written as com.microsoft GatherBlockQuantized.</summary>
    public static bool IsGather(Node n) => n.Op is Gather && n.Op.Attributes.Int("axis", 0) == 0
        && n.Input(0)?.Constant is Quantized { Table: null, Minimum: null, Bits: <= 4, Granularity: Granularity.Group, Shape.Rank: 2, Axis: 1 } q && IsBlock(q.Group);

    /// <summary>The operands of MatMulNBits: codes u8 [N, blocks, bytes], scales f32 [N · blocks], zero points u8 packed, and the bits a code.</summary>
    public static (Tensor Codes, Tensor Scale, Tensor? Zero, int Bits) NBits(Quantized w, string name)
    {
        int bits = w.Bits <= 2 ? 2 : w.Bits <= 4 ? 4 : 8, rows = w.Rows, columns = w.Columns, blocks = (int)Checked.CeilDiv(columns, w.Group);
        int middle = 1 << (bits - 1), shift = w.Zero is not null ? w.Signed ? middle : 0 : middle - (w.Signed ? 0 : 1 << (w.Bits - 1));
        long row = (long)blocks * w.Group;
        var codes = Tensor.Allocate(DType.U8, new Shape(rows, blocks, w.Group / 8 * bits));
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < row; k++) BitStream.Set(codes.Bytes, r * row + k, bits, k < columns ? Code(w, (long)r * columns + k) + shift : middle);
        Tensor? zero = null;
        if (w.Zero is not null)
        {
            int zeroRow = (int)Checked.CeilDiv((long)blocks * bits, 8);
            zero = Tensor.Allocate(DType.U8, new Shape(rows, zeroRow));
            var z = Zeros(w, name, rows * blocks);
            for (int r = 0; r < rows; r++)
                for (int g = 0; g < blocks; g++) BitStream.Set(zero.Bytes.Slice(r * zeroRow, zeroRow), g, bits, z[r * blocks + g] + shift);
        }
        return (codes, w.Scale.ToF32().Reshape(new Shape((long)rows * blocks)), zero?.Reshape(new Shape(zero.Shape.Elements)), bits);
    }

    private static bool IsBlock(int group) => group >= 16 && (group & (group - 1)) == 0;

    private static int Code(Quantized w, long i) => w.Signed ? BitStream.GetSigned(w.Codes.Bytes, i, w.Bits) : BitStream.Get(w.Codes.Bytes, i, w.Bits);

    private static int[] Zeros(Quantized w, string name, int count)
    {
        float[] zeros = w.Zero!.ToF32().Span<float>().ToArray();
        int least = w.Signed ? -(1 << (w.Bits - 1)) : 0;
        var y = new int[count];
        for (int i = 0; i < count; i++)
        {
            float z = zeros[zeros.Length == 1 ? 0 : i];
            y[i] = z == MathF.Floor(z) && z >= least && z < least + (1 << w.Bits) ? (int)z : throw Unsupported(w, name, $"a zero point of {z}");
        }
        return y;
    }

    private static UnsupportedException Unsupported(Weight w, string name, string what) => new($"weight '{name}' ({w.Describe()}) has no form in ONNX: {what}; an .engine file holds it");
}
