using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// A 2:4 sparse weight [rows, columns] of 4-bit codes with scales a group of columns in panels of 32 rows: 3 bits a column and the scales.
/// <para>Layout: a panel is its groups in order, a group 32 scales, f16 or f32, then its blocks of 32 columns. A block is 32 rows' positions [32, 4 bytes], then their codes [2, 32, 4 bytes].
/// Four kept values are a quad, from 8 columns; a block has four. Quad q's positions are the bits from 2q of its value's byte, and its codes, 8 more than their values, the low four
/// bits of bytes of vector q / 2, or the high ones where q is odd.</para>
/// </summary>
/// <param name="Rows">Rows of the weight: columns of the product.</param>
/// <param name="Columns">Columns of the weight: length of the sums.</param>
/// <param name="GroupBlocks">Blocks that share scales.</param>
/// <param name="HalfScales">Scales are f16.</param>
public readonly record struct NmInt4Layout(int Rows, int Columns, int GroupBlocks, bool HalfScales)
{
    /// <summary>Rows of a panel.</summary>
    public const int PanelRows = 32;

    /// <summary>Columns of a block.</summary>
    public const int BlockColumns = 32;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 3 * 4 * PanelRows;

    // Activations of this many blocks share a scale where the weight's groups are longer.
    private const int LongestActivationBlocks = 4;

    /// <summary>Panels.</summary>
    public int Panels => (Rows + PanelRows - 1) / PanelRows;

    /// <summary>Blocks of a panel.</summary>
    public int Blocks => (int)Checked.CeilDiv(Columns, BlockColumns);

    /// <summary>Blocks of activations that share a scale.</summary>
    public int ActivationBlocks => Math.Min(GroupBlocks, LongestActivationBlocks);

    /// <summary>Bytes of a group's scales.</summary>
    public int ScaleBytes => PanelRows * (HalfScales ? 2 : 4);

    /// <summary>Bytes of a panel.</summary>
    public long PanelBytes => (long)Blocks * BlockBytes + Checked.CeilDiv(Blocks, GroupBlocks) * ScaleBytes;

    /// <summary>First byte of block <paramref name="block"/> of a panel.</summary>
    public long BlockStart(int block) => (long)block * BlockBytes + (long)(block / GroupBlocks + 1) * ScaleBytes;

    /// <summary>Byte of a block's positions and of its codes, and the first bits there, of quad <paramref name="quad"/>'s value <paramref name="k"/>.</summary>
    internal static (int Position, int PositionBit, int Code, int CodeBit) Places(int row, int quad, int k) => (4 * row + k, 2 * quad, 4 * PanelRows * (1 + quad / 2) + 4 * row + k, quad % 2 * 4);

    /// <summary>
    /// The layout of a weight, or null where it has none: 2:4 rows of 4-bit codes in groups of whole blocks, or rows, without zero points of their own. Scales are f16 where
    /// that is exact.
    /// </summary>
    public static NmInt4Layout? Of(SparseNM w)
    {
        if (w is not { N: 2, M: 4, Taps: 1, Shape.Rank: 2, Values: Quantized { Bits: 4, Table: null, Minimum: null, Zero: null, DType: DType.F32 } q }) return null;
        int group = q.Granularity switch { Granularity.Group when q.Axis == 1 => 2 * q.Group, Granularity.Channel when q.Axis == 0 => Math.Max(BlockColumns, (int)Checked.AlignUp(w.Columns, BlockColumns)), _ => 0 };
        if (group == 0 || group % BlockColumns != 0) return null;
        bool half = true;
        foreach (float s in q.Scale.ToF32().Span<float>()) half &= (float)(Half)s == s && (s == 0 || Math.Abs(s) >= 6.2e-5f);
        return new(w.Rows, w.Columns, group / BlockColumns, half);
    }

    /// <summary>Packs the weight; rows that fill the last panel have scales 0.</summary>
    public unsafe Tensor Pack(SparseNM w)
    {
        var (q, y) = ((Quantized)w.Values, Tensor.Allocate(DType.U8, new Shape(Checked.Mul(Panels, PanelBytes))));
        y.Bytes.Clear();
        var scaleTensor = q.Scale.ToF32();
        ReadOnlySpan<float> scales = scaleTensor.Span<float>();
        int kept = w.KeptColumns, groups = (int)Checked.CeilDiv(Blocks, GroupBlocks);
        for (int r = 0; r < Panels * PanelRows; r++)
        {
            byte* panel = y.Pointer + r / PanelRows * PanelBytes;
            int lane = r % PanelRows;
            for (int g = 0; g < groups; g++)
            {
                float s = r < Rows ? scales[r * groups + g] : 0;
                byte* to = panel + BlockStart(g * GroupBlocks) - ScaleBytes;
                if (HalfScales) ((Half*)to)[lane] = (Half)s;
                else ((float*)to)[lane] = s;
            }
            for (int i = 0; i < Blocks * BlockColumns / 2; i++)
            {
                bool stored = r < Rows && i < kept;
                // Past the last column nothing counts.
                int position = stored ? BitStream.Get(w.Positions.Bytes, (long)r * kept + i, 2) : i % 2, code = 8;
                if (stored && i / 2 * 4 + position < Columns) code = BitStream.Get(q.Codes.Bytes, (long)r * kept + i, 4) ^ (q.Signed ? 8 : 0);
                var at = Places(lane, i / 4 % 4, i % 4);
                byte* block = panel + BlockStart(i / 16);
                block[at.Position] |= (byte)(position << at.PositionBit);
                block[at.Code] |= (byte)(code << at.CodeBit);
            }
        }
        GC.KeepAlive(scaleTensor);
        return y;
    }
}
