using System.Numerics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk (A[m, k] − za[m])·(B[k, n] − zb[n]) over 8-bit operands of either signedness, exact in 32 bits (wrapping beyond).
/// Operands are widened to i16 less their zero points: rows of A as tiles are needed, B beforehand into panels of 16 columns.
/// </summary>
public static unsafe partial class GemmInt8
{
    /// <summary>k rounded up to whole pairs.</summary>
    public static int Padded(int k) => checked(k + (k & 1));

    /// <summary>Shorts of packed B.</summary>
    public static long PackedLength(int k, int n) => Checked.Mul(Checked.AlignUp(n, TileColumns), Padded(k));

    /// <summary>
    /// Packs B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/> into panels; <paramref name="zeros"/> holds no,
    /// one or n zero points.
    /// </summary>
    public static void PackB(ReadOnlySpan<byte> b, bool signed, ReadOnlySpan<int> zeros, int k, int n, nint rowStride, nint columnStride, Span<short> packed)
    {
        int pairs = Padded(k) / 2, at = 0;
        for (int column = 0; column < n; column += TileColumns)
            for (int p = 0; p < pairs; p++)
                for (int j = column; j < column + TileColumns; j++)
                    for (int h = 2 * p; h < 2 * p + 2; h++)
                        packed[at++] = j < n && h < k ? (short)(Value(b[(int)(h * rowStride + j * columnStride)], signed) - Zero(zeros, j)) : (short)0;
    }

    /// <summary>Widens rows [rows, k] at row · <paramref name="rowStride"/> + k · <paramref name="columnStride"/> to i16 rows of <see cref="Padded"/> length.</summary>
    public static void PackA(ReadOnlySpan<byte> a, bool signed, ReadOnlySpan<int> zeros, int firstRow, int rows, int k, nint rowStride, nint columnStride, Span<short> packed)
    {
        int width = Padded(k);
        if (k == 0) return;
        for (int i = 0; i < rows; i++)
        {
            int zero = Zero(zeros, firstRow + i);
            var to = packed.Slice(i * width, width);
            if (columnStride == 1) Widen(a.Slice((int)((firstRow + i) * rowStride), k), signed, zero, to);
            else for (int j = 0; j < k; j++) to[j] = (short)(Value(a[(int)((firstRow + i) * rowStride + j * columnStride)], signed) - zero);
            to[k..].Clear();
        }
    }

    private static int Zero(ReadOnlySpan<int> zeros, int i) => zeros.Length == 0 ? 0 : zeros[zeros.Length == 1 ? 0 : i];

    private static int Value(byte b, bool signed) => signed ? (sbyte)b : b;

    private static void Widen(ReadOnlySpan<byte> x, bool signed, int zero, Span<short> y)
    {
        int i = 0, n = Vector<short>.Count;
        var z = new Vector<short>((short)zero);
        for (; i <= x.Length - 2 * n; i += 2 * n)
        {
            var v = new Vector<byte>(x[i..]);
            Vector<short> low, high;
            if (signed) Vector.Widen(Vector.AsVectorSByte(v), out low, out high);
            else
            {
                Vector.Widen(v, out var l, out var h);
                (low, high) = (Vector.AsVectorInt16(l), Vector.AsVectorInt16(h));
            }
            (low - z).CopyTo(y[i..]);
            (high - z).CopyTo(y[(i + n)..]);
        }
        for (; i < x.Length; i++) y[i] = (short)(Value(x[i], signed) - zero);
    }

    /// <summary>Operand A: 8-bit values with no, one or m zero points.</summary>
    public readonly struct Rows(byte* data, long length, bool signed, int* zeros, int zeroCount, nint rowStride, nint columnStride)
    {
        private readonly int _zero;

        /// <summary>Values with one zero point.</summary>
        public Rows(byte* data, long length, bool signed, int zero, nint rowStride, nint columnStride) : this(data, length, signed, null, 1, rowStride, columnStride) => _zero = zero;

        internal void Pack(int first, int rows, int k, short* packed)
        {
            int zero = _zero;
            PackA(new(data, (int)length), signed, zeros == null && zeroCount == 1 ? new(ref zero) : new(zeros, zeroCount), first, rows, k, rowStride, columnStride, new(packed, rows * Padded(k)));
        }
    }

    /// <summary>The product of A and packed B, tile by tile into <paramref name="store"/>.</summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in Rows a, short* packedB, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int tiles = (m + TileRows - 1) / TileRows, panels = (n + TileColumns - 1) / TileColumns;
        // With few rows the columns are split too: by shape alone, and A is widened again for each split.
        int splits = Math.Clamp(32 / tiles, 1, panels);
        double work = (double)TileRows * n * k / splits;
        workers.For(tiles * splits, (int)Math.Clamp(65536 / Math.Max(1, work), 1, 1024), new Body<TStore>(m, n, k, a, packedB, store, panels, splits));
    }

    private readonly struct Body<TStore>(int m, int n, int k, Rows a, short* b, TStore store, int panels, int splits) : IParallelBody where TStore : struct, ITileStore
    {
        public void Run(int start, int end)
        {
            var tile = Table.Best;
            int width = Padded(k);
            short* rows = (short*)Scratch.Get(2L * TileRows * width);
            int* sums = stackalloc int[TileRows * TileColumns];
            int packed = -1;
            for (int unit = start; unit < end; unit++)
            {
                int row = unit / splits * TileRows, split = unit % splits, count = Math.Min(TileRows, m - row);
                if (packed != row) a.Pack(row, count, k, rows);
                packed = row;
                int last = (int)((long)panels * (split + 1) / splits);
                for (int panel = (int)((long)panels * split / splits); panel < last; panel++)
                {
                    int column = panel * TileColumns;
                    tile(rows, width, count, b + (nint)column * width, width / 2, sums);
                    store.Store(sums, TileColumns, row, row, count, column, Math.Min(TileColumns, n - column));
                }
            }
        }
    }
}
