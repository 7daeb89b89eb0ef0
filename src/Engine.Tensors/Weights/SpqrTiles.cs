namespace Engine.Tensors;

/// <summary>
/// 3-bit codes in tiles of 16 × 16 whose scales and zero points are 3-bit codes again (SpQR): x = s · (q − z) with
/// s = ss · (qs − sz) and z = zs · (qz − zz), where row r of a tile has its own qs and qz, the tile its own ss, sz, zs, zz.
/// <para>Layout: words u64 [⌈rows / 16⌉, ⌈columns / 16⌉, 16], one a row of a tile, low bits first: qs 3 bits, qz 3, sixteen codes of 3, c 8; the top two
/// are zero. The c of rows 0 to 7 are the bytes of four little-endian f16, in the order ss, sz, zs, zz; the c of rows 8 to 15 are zero. Bits of
/// codes past the last row or column are zero.</para>
/// <para>Range: finite parameters; s · [−z, 7 − z]. Every step is rounded to f32, in the order written. Reason: 4 bits a weight for groups as small as 16;
/// a word is one load, a tile two 512-bit vectors, and the parameters are byte 54 to 61 of the first of them. The order of c is our own.</para>
/// </summary>
public sealed class SpqrTiles : EncodedWeight
{
    /// <summary>Rows and columns of a tile.</summary>
    public const int Tile = 16;

    private const int FirstCode = 6, ParameterShift = 54;

    /// <summary>Creates the weight; unused bits must be zero and parameters finite.</summary>
    public SpqrTiles(Shape shape, Tensor words, DType dtype = DType.F32) : base(shape, dtype)
    {
        (TileRows, TileColumns) = ((int)Checked.CeilDiv(Rows, Tile), (int)Checked.CeilDiv(Columns, Tile));
        long n = Checked.Mul(Checked.Mul(TileRows, TileColumns), Tile);
        Require(words.DType == DType.U64 && words.Shape.Elements == n, $"{TileRows} x {TileColumns} tiles take u64[{n}], not {words}");
        Words = words;
        var w = words.Span<ulong>();
        for (int i = 0; i < w.Length; i++)
        {
            int row = i / Tile / TileColumns * Tile + i % Tile, left = Math.Min(Tile, Columns - i / Tile % TileColumns * Tile);
            ulong used = row >= Rows ? 0 : (1UL << (FirstCode + 3 * left)) - 1;
            if (i % Tile < 8) used |= 0xffUL << ParameterShift;
            Require((w[i] & ~used) == 0, $"word {i} has bits where none belong");
        }
        for (int t = 0; t < w.Length / Tile; t++)
        {
            var (ss, sz, zs, zz) = Parameters(t);
            Require(Half.IsFinite(ss) && Half.IsFinite(sz) && Half.IsFinite(zs) && Half.IsFinite(zz), $"a parameter of tile {t} is not finite");
        }
    }

    /// <summary>The words.</summary>
    public Tensor Words { get; }

    /// <summary>Tiles down.</summary>
    public int TileRows { get; }

    /// <summary>Tiles across.</summary>
    public int TileColumns { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Words.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => "SpQR";

    /// <summary>Scale and zero point of the scales, then of the zero points, of a tile, counted row by row.</summary>
    public (Half ScaleScale, Half ScaleZero, Half ZeroScale, Half ZeroZero) Parameters(int tile)
    {
        ulong bits = 0;
        for (int r = 0; r < 8; r++) bits |= (Words.Span<ulong>()[tile * Tile + r] >> ParameterShift & 0xff) << (8 * r);
        return (H(bits), H(bits >> 16), H(bits >> 32), H(bits >> 48));
        static Half H(ulong b) => BitConverter.UInt16BitsToHalf((ushort)b);
    }

    /// <summary>The same values as codes with two-level scales and zero points: Quantized(3, g16) of Quantized(3, g16 down the rows).</summary>
    public Quantized ToQuantized()
    {
        long groups = Checked.Mul(Rows, TileColumns);
        byte[] codes = new byte[BitStream.Bytes(Shape.Elements, 3)], scales = new byte[BitStream.Bytes(groups, 3)], zeros = new byte[scales.Length];
        var second = new Half[4][];
        for (int i = 0; i < 4; i++) second[i] = new Half[TileRows * TileColumns];
        for (int t = 0; t < second[0].Length; t++) (second[0][t], second[1][t], second[2][t], second[3][t]) = Parameters(t);
        var w = Words.Span<ulong>();
        for (int r = 0; r < Rows; r++)
            for (int c = 0; c < TileColumns; c++)
            {
                ulong word = w[(r / Tile * TileColumns + c) * Tile + r % Tile];
                BitStream.Set(scales, (long)r * TileColumns + c, 3, (int)(word & 7));
                BitStream.Set(zeros, (long)r * TileColumns + c, 3, (int)(word >> 3 & 7));
                for (int k = c * Tile; k < Math.Min(Columns, (c + 1) * Tile); k++) BitStream.Set(codes, (long)r * Columns + k, 3, Code(word, k % Tile));
            }
        return new Quantized(Shape, 3, Tensor.Vector<byte>(codes), Granularity.Group, Level(scales, 0), Level(zeros, 2), axis: -1, group: Tile, dtype: DType);

        Quantized Level(byte[] stream, int first) => new(new Shape(Rows, TileColumns), 3, Tensor.Vector<byte>(stream), Granularity.Group,
            new Dense(Tensor.From(new Shape(TileRows, TileColumns), second[first])), new Dense(Tensor.From(new Shape(TileRows, TileColumns), second[first + 1])), axis: 0, group: Tile);
    }

    /// <summary>The tiles of a weight as <see cref="ToQuantized"/> writes it, or null where it has another form.</summary>
    public static SpqrTiles? From(Quantized q)
    {
        if (q is not { Bits: 3, Signed: false, Granularity: Granularity.Group, Group: Tile, Table: null, Scale: Quantized s, Zero: Quantized z } || q.Shape.Rank != 2 || q.Axis != 1) return null;
        int tileRows = (int)Checked.CeilDiv(q.Rows, Tile), tileColumns = (int)Checked.CeilDiv(q.Columns, Tile);
        if (!IsLevel(s) || !IsLevel(z)) return null;
        var words = Tensor.Allocate(DType.U64, new Shape(tileRows, tileColumns, Tile));
        var w = words.Span<ulong>();
        Half[] parameters = new Half[4];
        for (int t = 0; t < tileRows * tileColumns; t++)
        {
            Halves(s, t, parameters);
            Halves(z, t, parameters.AsSpan(2));
            for (int r = 0; r < Tile; r++)
            {
                ulong word = r < 8 ? (ulong)(BitConverter.HalfToUInt16Bits(parameters[r / 2]) >> (r % 2 * 8) & 0xff) << ParameterShift : 0;
                int row = t / tileColumns * Tile + r, first = t % tileColumns * Tile;
                if (row < q.Rows)
                {
                    long group = (long)row * tileColumns + t % tileColumns;
                    word |= (uint)BitStream.Get(s.Codes.Bytes, group, 3) | (uint)BitStream.Get(z.Codes.Bytes, group, 3) << 3;
                    for (int k = 0; k < Math.Min(Tile, q.Columns - first); k++) word |= (ulong)(uint)BitStream.Get(q.Codes.Bytes, (long)row * q.Columns + first + k, 3) << (FirstCode + 3 * k);
                }
                w[t * Tile + r] = word;
            }
        }
        return new SpqrTiles(q.Shape, words, q.DType);

        bool IsLevel(Quantized l) => l is { Bits: 3, Signed: false, Granularity: Granularity.Group, Group: Tile, Axis: 0, Table: null, DType: DType.F32, Scale: Dense { DType: DType.F16 }, Zero: Dense { DType: DType.F16 } }
            && l.Shape.Rank == 2 && l.Rows == q.Rows && l.Columns == tileColumns;

        static void Halves(Quantized level, int tile, Span<Half> to)
        {
            to[0] = ((Dense)level.Scale).Values.Span<Half>()[tile];
            to[1] = ((Dense)level.Zero!).Values.Span<Half>()[tile];
        }
    }

    private static int Code(ulong word, int k) => (int)(word >> (FirstCode + 3 * k) & 7);

    private protected override void DecodeTo(Span<float> y)
    {
        var w = Words.Span<ulong>();
        for (int t = 0; t < TileRows * TileColumns; t++)
        {
            var (ss, sz, zs, zz) = Parameters(t);
            int first = t % TileColumns * Tile, row = t / TileColumns * Tile;
            for (int r = 0; r < Math.Min(Tile, Rows - row); r++)
            {
                ulong word = w[t * Tile + r];
                float s = (float)ss * ((word & 7) - (float)sz), z = (float)zs * ((word >> 3 & 7) - (float)zz);
                for (int k = 0; k < Math.Min(Tile, Columns - first); k++) y[(row + r) * Columns + first + k] = s * (Code(word, k) - z);
            }
        }
    }
}
