using System.Globalization;
using System.Numerics;

namespace Engine.Tensors;

/// <summary>
/// N of every M consecutive columns of a row are kept (2:4 and its kin); the rest are zero. A convolution's columns [channels, taps] may be grouped along channels instead:
/// M consecutive channels of one tap, tap after tap.
/// <para>Layout: values [rows, taps · ⌈columns / taps / M⌉ · N] as a weight, its own scale groups counting kept values; the position of each in its group as a code of log₂ M bits, in the same
/// order, one <see cref="BitStream"/> for all. Positions in a group rise strictly, so that a 2:4 group is one of the nibbles 0100, 1000,
/// 1100, 1001, 1101, 1110 with the lower position in the low bits; a group with fewer non-zeros stores zeros. Positions past the last
/// column, in the last group of a row, are ignored.</para>
/// <para>Reason: a fixed share of the bytes, and addresses known in advance; tensor cores take 2:4.</para>
/// </summary>
public sealed partial class SparseNM : EncodedWeight
{
    /// <summary>Creates the weight; every position is checked. One tap stands for groups along flattened columns; the element type is that of the values unless another is given.</summary>
    public SparseNM(Shape shape, int n, int m, Tensor positions, Weight values, int taps = 1, DType? dtype = null) : base(shape, dtype ?? values.DType)
    {
        Require(m is 2 or 4 or 8 or 16 && n >= 1 && n <= m, $"{n}:{m} is not N of 2, 4, 8 or 16");
        Require(taps >= 1 && Columns % taps == 0, $"{Columns} columns are not those of {taps} taps");
        (N, M, Positions, Values, Taps) = (n, m, positions, values, taps);
        long kept = Checked.Mul(Rows, KeptColumns);
        Require(positions.DType == DType.U8 && positions.ByteLength == BitStream.Bytes(kept, PositionBits), $"{kept} positions of {PositionBits} bits take {BitStream.Bytes(kept, PositionBits)} bytes of u8, not {positions}");
        Require(values.Shape.Elements == kept, $"{kept} values expected, got {values.Shape.Elements}");
        var p = positions.Bytes;
        for (long i = 0; i < kept; i++)
            Require(i % n == 0 || BitStream.Get(p, i, PositionBits) > BitStream.Get(p, i - 1, PositionBits), $"positions of group {i / n} do not rise");
    }

    /// <summary>Values kept a group.</summary>
    public int N { get; }

    /// <summary>Columns a group.</summary>
    public int M { get; }

    /// <summary>Taps of a window whose channels are grouped; 1 where columns are grouped as they lie.</summary>
    public int Taps { get; }

    /// <summary>The positions, a stream of codes.</summary>
    public Tensor Positions { get; }

    /// <summary>The values kept.</summary>
    public Weight Values { get; }

    /// <summary>Bits a position.</summary>
    public int PositionBits => BitOperations.Log2((uint)M);

    /// <summary>Values kept a row.</summary>
    public int KeptColumns => Checked.Int(Checked.Mul(Taps, Checked.Mul(Checked.CeilDiv(Columns / Taps, M), N)));

    /// <inheritdoc/>
    public override long StoredBytes => Positions.ByteLength + Values.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"Sparse({N}:{M}{(Taps > 1 ? " by channel" : Shape.Rank > 2 && Shape.Product(2, Shape.Rank) > 1 ? " flattened" : "")}, {Values.Describe()})");

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Values.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>();
        var p = Positions.Bytes;
        int kept = KeptColumns;
        for (int r = 0, i = 0; r < Rows; r++)
            for (int k = 0; k < kept; k++, i++)
            {
                long column = ColumnOf(k, BitStream.Get(p, i, PositionBits));
                if (column >= 0) y[r * Columns + (int)column] = v[i];
            }
        GC.KeepAlive(dense);
    }

    // The column of the k-th kept value of a row; negative past the last one.
    private long ColumnOf(int k, int position)
    {
        int ofTap = KeptColumns / Taps, channels = Columns / Taps;
        long channel = (long)(k % ofTap / N) * M + position;
        return channel < channels ? channel * Taps + k / ofTap : -1;
    }
}
