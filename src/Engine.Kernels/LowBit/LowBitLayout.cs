using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>What a group of a low-bit panel holds besides its codes, 32 of each: one a row.</summary>
public enum LowBitScales
{
    /// <summary>Nothing: a row has one scale, f32, behind its panel.</summary>
    Row,
    /// <summary>Scales f16.</summary>
    F16,
    /// <summary>Scales f32.</summary>
    F32,
    /// <summary>Scales f16, then zero points u8, then 32 bytes of padding.</summary>
    F16Zeros,
    /// <summary>Scales f32, then zero points f32.</summary>
    F32Zeros,
    /// <summary>Scales f16, then minima f16.</summary>
    F16Minima,
    /// <summary>Scales f32, then minima f32.</summary>
    F32Minima,
}

/// <summary>
/// A weight W [rows, columns] of codes of 2, 3, 4 or 8 bits in panels of 32 rows, w = scale · (code − zero) or minimum + scale · code, rows and
/// columns rounded up.
/// <para>Layout: 32 f32, what the low and the high four bits of a code stand for (a code's value is their sum); then the panels. A panel
/// is its groups of columns in order, and a group its parameters (<see cref="LowBitScales"/>), then its blocks of 16 or 32 columns.</para>
/// <para>A block is made of planes of 64-byte vectors, two a step of columns: rows 0 to 15, then rows 16 to 31. A vector has a row in
/// each of its 32-bit lanes, and in byte b of a lane the columns b, b + 4, b + 8, …, as many as fields fit in a byte, the lowest bits
/// first: two in a plane of 4 bits, four in one of 2 bits, eight in one of 1 bit. Codes of 3 bits are a plane of their low two bits, then
/// one of their high bit; codes of 8 bits a plane of their low and one of their high four bits.</para>
/// <para>Reason: four columns of a row lie side by side as 8-bit dot products want them, every field is one instruction away, and
/// a panel streams from memory in the order of its use.</para>
/// </summary>
/// <param name="Rows">Rows of the weight: columns of the product.</param>
/// <param name="Columns">Columns of the weight: length of the sums.</param>
/// <param name="Bits">Bits a code: 2, 3, 4 or 8.</param>
/// <param name="Block">Columns a block: 32, or 16 where groups ask for it.</param>
/// <param name="GroupBlocks">Blocks that share a scale.</param>
/// <param name="Scales">What a group holds besides codes.</param>
/// <param name="Zero">The zero point of every group, where groups have none of their own.</param>
/// <param name="IsLinear">False when codes stand for the entries of a table: such a weight has no integer product.</param>
public readonly record struct LowBitLayout(int Rows, int Columns, int Bits, int Block, int GroupBlocks, LowBitScales Scales, int Zero, bool IsLinear = true)
{
    /// <summary>Rows of a panel.</summary>
    public const int PanelRows = 32;

    /// <summary>Bytes of the table before the first panel.</summary>
    public const int HeadBytes = 2 * 16 * sizeof(float);

    // Activations of this many columns share a scale where the weight's groups are longer.
    private const int LongestActivationGroup = 128;

    /// <summary>Columns that panels hold: more than <see cref="Columns"/> where only the first of them are multiplied.</summary>
    public int StoredColumns { get; init; } = Columns;

    /// <summary>Panels.</summary>
    public int Panels => (Rows + PanelRows - 1) / PanelRows;

    /// <summary>Blocks of a panel.</summary>
    public int Blocks => (int)(((long)Columns + Block - 1) / Block);

    /// <summary>Groups of a panel.</summary>
    public int Groups => (int)(((long)Blocks + GroupBlocks - 1) / GroupBlocks);

    /// <summary>Columns rounded up to whole blocks.</summary>
    public int PaddedColumns => Checked.Int((long)Blocks * Block);

    /// <summary>Bytes of a block.</summary>
    public int BlockBytes => PanelRows * Block * Bits / 8;

    /// <summary>Bytes of a group's parameters.</summary>
    public int ParameterBytes => Scales switch { LowBitScales.Row => 0, LowBitScales.F16 => 64, LowBitScales.F32 or LowBitScales.F16Zeros or LowBitScales.F16Minima => 128, _ => 256 };

    /// <summary>Bytes of a panel.</summary>
    public long PanelBytes => Checked.CeilDiv(StoredColumns, Block) * BlockBytes + Checked.CeilDiv(Checked.CeilDiv(StoredColumns, Block), GroupBlocks) * ParameterBytes + (Scales == LowBitScales.Row ? PanelRows * sizeof(float) : 0);

    /// <summary>Bytes of the whole weight.</summary>
    public long Bytes => Checked.Mul(Panels, PanelBytes) + HeadBytes;

    /// <summary>True when every group has zero points of its own.</summary>
    public bool HasZeros => Scales is LowBitScales.F16Zeros or LowBitScales.F32Zeros;

    /// <summary>True when every group has minima.</summary>
    public bool HasMinima => Scales is LowBitScales.F16Minima or LowBitScales.F32Minima;

    /// <summary>Blocks of activations that share a scale.</summary>
    public int ActivationBlocks => Math.Min(GroupBlocks, LongestActivationGroup / Block);

    /// <summary>Multiplies the sums of activations: the common zero point, or 1 where groups have their own or minima.</summary>
    public int SumFactor => HasZeros || HasMinima ? 1 : Zero;

    /// <summary>First byte of group <paramref name="group"/> of a panel.</summary>
    public long GroupStart(int group) => group * ((long)GroupBlocks * BlockBytes + ParameterBytes);

    /// <summary>First byte of block <paramref name="block"/> of a panel.</summary>
    public long BlockStart(int block) => (long)block * BlockBytes + (long)(block / GroupBlocks + 1) * ParameterBytes;

    /// <summary>Byte of a vector of a plane of <paramref name="bits"/> bits that holds a code, and the code's first bit in it.</summary>
    internal static (int Byte, int Bit) Field(int row, int column, int bits)
    {
        int fields = 8 / bits, quad = column / 4;
        return ((quad / fields * 2 + row / 16) * 64 + row % 16 * 4 + column % 4, quad % fields * bits);
    }

    /// <summary>The code of a row and column of a block.</summary>
    internal unsafe int Code(byte* block, int row, int column)
    {
        int Plane(byte* p, int bits)
        {
            var (at, bit) = Field(row, column, bits);
            return p[at] >> bit & (1 << bits) - 1;
        }
        return Bits switch
        {
            2 or 4 => Plane(block, Bits),
            3 => Plane(block, 2) | Plane(block + PanelRows * Block / 4, 1) << 2,
            _ => Plane(block, 4) | Plane(block + PanelRows * Block / 2, 4) << 4,
        };
    }

    /// <summary>Stores a code in a block that was zero.</summary>
    internal unsafe void Set(byte* block, int row, int column, int code)
    {
        void Plane(byte* p, int bits, int value)
        {
            var (at, bit) = Field(row, column, bits);
            p[at] |= (byte)(value << bit);
        }
        switch (Bits)
        {
            case 3:
                Plane(block, 2, code & 3);
                Plane(block + PanelRows * Block / 4, 1, code >> 2);
                break;
            case 8:
                Plane(block, 4, code & 15);
                Plane(block + PanelRows * Block / 2, 4, code >> 4);
                break;
            default: Plane(block, Bits, code); break;
        }
    }

    /// <summary>Scale and zero point or minimum of a row of a group, its parameters given; 1 where scales are those of rows.</summary>
    internal unsafe (float Scale, float Offset) Parameters(byte* group, int row) => Scales switch
    {
        LowBitScales.Row => (1, Zero),
        LowBitScales.F16 => ((float)((Half*)group)[row], Zero),
        LowBitScales.F32 => (((float*)group)[row], Zero),
        LowBitScales.F16Zeros => ((float)((Half*)group)[row], (group + 64)[row]),
        LowBitScales.F16Minima => ((float)((Half*)group)[row], (float)((Half*)group)[32 + row]),
        _ => (((float*)group)[row], ((float*)group)[32 + row]),
    };
}
