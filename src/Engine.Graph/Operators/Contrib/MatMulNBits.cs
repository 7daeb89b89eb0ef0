using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft MatMulNBits(A [.., K], B, scales, zero_points?, g_idx?, bias?): A · Wᵀ + bias with W [N, K] in codes of <c>bits</c>
/// bits, blocks of <c>block_size</c> along K.
/// <para>B u8 [N, ⌈K / block⌉, block · bits / 8]: codes of a block in order, low bits first, the last block padded. Scales [N · blocks].
/// Zero points: u8 [N · ⌈blocks · bits / 8⌉], each row's codes in order, low bits first; or floats [N · blocks], subtracted from the
/// code before scaling; 2^(bits−1) when left out. g_idx i32 [K] names the block of each k.</para>
/// </summary>
public sealed class MatMulNBits(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MatMulNBits";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Columns of the result.</summary>
    public int N { get; } = Positive(a, "N");

    /// <summary>Length of the sums.</summary>
    public int K { get; } = Positive(a, "K");

    /// <summary>Bits a code: 2 to 8.</summary>
    public int Bits { get; } = a.Int("bits", 4) is var b and >= 2 and <= 8 ? (int)b : throw new OperatorException($"bits is {a.Int("bits")}, expected 2 to 8");

    /// <summary>Codes that share a scale.</summary>
    public int Block { get; } = Positive(a, "block_size") is var s && s % 8 == 0 ? s : throw new OperatorException($"block_size is {a.Int("block_size")}, expected a multiple of 8");

    /// <summary>Blocks a row.</summary>
    public int Blocks => (int)Checked.CeilDiv(K, Block);

    /// <summary>Bytes of one row's packed zero points.</summary>
    public int ZeroRow => (int)Checked.CeilDiv(Checked.Mul(Blocks, Bits), 8);

    /// <summary>How the operands are read; W is [N, K].</summary>
    public MatMulGeometry Geometry(Shape x) => MatMulGeometry.Of(x, new Shape(N, K), false, true);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        c.Require(1, DType.U8);
        c.Require(2, DType.F32, DType.F16, DType.BF16);
        if (c.Shape(1).Elements != Checked.Mul(Checked.Mul(N, Blocks), Block / 8 * Bits)) throw new OperatorException($"codes of shape {c.Shape(1)} do not fill {N} rows of {Blocks} blocks of {Block} codes of {Bits} bits");
        if (c.Shape(2).Elements != Checked.Mul(N, Blocks)) throw new OperatorException($"scales of shape {c.Shape(2)} do not fit {N} rows of {Blocks} blocks");
        if (c.Has(3))
        {
            c.Require(3, DType.U8, DType.F32, DType.F16, DType.BF16);
            if (c.Shape(3).Elements != (c.DType(3) == DType.U8 ? Checked.Mul(N, ZeroRow) : Checked.Mul(N, Blocks))) throw new OperatorException($"zero points of shape {c.Shape(3)} do not fit {N} rows of {Blocks} blocks");
        }
        if (c.Has(4))
        {
            c.Require(4, DType.I32);
            if (c.Shape(4).Elements < K) throw new OperatorException($"g_idx of shape {c.Shape(4)} does not name a block for each of {K} columns");
        }
        if (c.Has(5) && (c.Shape(5).Rank != 1 || c.Shape(5)[0] != N)) throw new OperatorException($"bias {c.Shape(5)} does not fit {N} columns");
        c.RequireSame(0, 5);
        c.Set(0, c.DType(0), Geometry(c.Shape(0)).Output);
    }

    /// <summary>W [N, K] in f32 from operands of checked shapes.</summary>
    public void Decode(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> packedZeros, ReadOnlySpan<float> zeros, ReadOnlySpan<int> blockOf, Span<float> w)
    {
        long row = (long)Blocks * Block;
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K; k++)
            {
                int g = blockOf.IsEmpty ? k / Block : blockOf[k];
                if ((uint)g >= (uint)Blocks) throw new OperatorException($"g_idx holds {g}, expected less than {Blocks}");
                float zero = zeros.Length > 0 ? zeros[n * Blocks + g] : packedZeros.Length > 0 ? BitStream.Get(packedZeros.Slice(n * ZeroRow, ZeroRow), g, Bits) : 1 << (Bits - 1);
                w[(int)((long)n * K + k)] = (BitStream.Get(codes, n * row + k, Bits) - zero) * scales[n * Blocks + g];
            }
    }

    /// <summary>W [N, K] as an expression, where all operands are constant, blocks are in order and fill each row; else null.</summary>
    public Quantized? Weight(Tensor codes, Tensor scales, Tensor? zeros)
    {
        if (K % Block != 0 || scales.DType != DType.F32) return null;
        Dense? z = null;
        if (zeros is { DType: DType.U8 })
        {
            var t = Tensor.Allocate(DType.F32, new Shape(N, Blocks));
            for (int n = 0; n < N; n++)
                for (int g = 0; g < Blocks; g++) t.Span<float>()[n * Blocks + g] = BitStream.Get(zeros.Bytes.Slice(n * ZeroRow, ZeroRow), g, Bits);
            z = new Dense(t);
        }
        else if (zeros is not null) z = new Dense(zeros.Reshape(new Shape(N, Blocks)));
        return new Quantized(new Shape(N, K), Bits, codes, Granularity.Group, new Dense(scales.Reshape(new Shape(N, Blocks))), z, axis: 1, group: Block);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c.Shape(0)).Operations, c.TotalBytes);

    private static int Positive(Attributes a, string name) => a.Int(name) is var v and > 0 and <= int.MaxValue ? (int)v : throw new OperatorException($"{name} is {a.Int(name)}, expected at least 1");

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
