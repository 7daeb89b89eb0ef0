using System.Numerics;
using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class GemmU8S8
{
    // What turns a signed code into an unsigned one and back, in bits and in value.
    private const int Flip = 0x80;

    /// <summary>Quads of k.</summary>
    public static int Quads(int k) => (int)(((long)k + 3) / 4);

    /// <summary>Columns with those that fill the last panel.</summary>
    public static long Columns(long n) => Checked.AlignUp(n, PanelColumns / 2);

    /// <summary>Width of the panel that starts at column <paramref name="column"/>.</summary>
    public static int PanelWidth(int n, int column) => n - column > PanelColumns / 2 ? PanelColumns : PanelColumns / 2;

    /// <summary>Bytes of packed B: the panels, and an i32 for the sum and the zero point of every column.</summary>
    public static long PackedLength(int k, int n) => Checked.Add(Checked.Mul(Columns(n), 4L * Quads(k)), Checked.Mul(Columns(n), 2 * sizeof(int)));

    /// <summary>
    /// Packs B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/>; <paramref name="zeros"/> holds no, one or n zero
    /// points. Unsigned codes become signed ones, 128 less, and so do their zero points.
    /// </summary>
    public static void PackB(ReadOnlySpan<byte> b, bool signed, ReadOnlySpan<int> zeros, int k, int n, nint rowStride, nint columnStride, Span<byte> packed)
    {
        fixed (byte* from = b)
        fixed (byte* to = packed[..Checked.Int(PackedLength(k, n))])
        {
            byte flip = (byte)(signed ? 0 : Flip);
            var columns = new ColumnTerms(to, k, n);
            byte* panel = to;
            for (int column = 0; column < n; column += PanelColumns)
            {
                int width = PanelWidth(n, column), used = Math.Min(width, n - column);
                for (int j = 0; j < width; j++)
                {
                    columns.Sums[column + j] = 0;
                    columns.Zeros[column + j] = j >= used || zeros.Length == 0 ? 0 : zeros[zeros.Length == 1 ? 0 : column + j] - (signed ? 0 : Flip);
                }
                for (int i = 0; i < k; i++) PackRow(from + i * rowStride + column * columnStride, columnStride, flip, width, used, panel + (nint)(i / 4) * 4 * width + i % 4, columns.Sums + column);
                for (int i = k; i % 4 != 0; i++)
                    for (int j = 0; j < width; j++) panel[(nint)(i / 4) * 4 * width + 4 * j + i % 4] = 0;
                panel += (nint)Quads(k) * 4 * width;
            }
        }
    }

    private static void PackRow(byte* from, nint stride, byte flip, int width, int used, byte* to, int* sums)
    {
        for (int j = 0; j < used; j++)
        {
            byte code = (byte)(from[j * stride] ^ flip);
            to[4 * j] = code;
            sums[j] += (sbyte)code;
        }
        for (int j = used; j < width; j++) to[4 * j] = 0;
    }

    /// <summary>What lies behind the panels: the sum of every column, and its zero point.</summary>
    private readonly struct ColumnTerms(byte* packed, int k, int n)
    {
        public readonly int* Sums = (int*)(packed + Columns(n) * 4 * Quads(k)), Zeros = (int*)(packed + Columns(n) * 4 * Quads(k)) + Columns(n);
    }

    /// <summary>
    /// Operand A: codes of either signedness with no, one or m zero points; element (m, k) at data + m · rowStride + k · columnStride.
    /// </summary>
    /// <param name="data">First element.</param>
    /// <param name="signed">Whether codes are s8.</param>
    /// <param name="zeros">The zero points.</param>
    /// <param name="zeroCount">How many: 0, 1 or m.</param>
    /// <param name="rowStride">Bytes from a row to the next.</param>
    /// <param name="columnStride">Bytes from a column to the next.</param>
    public readonly struct Rows(byte* data, bool signed, int* zeros, int zeroCount, nint rowStride, nint columnStride)
    {
        private readonly int _zero;

        /// <summary>Codes with one zero point.</summary>
        public Rows(byte* data, bool signed, int zero, nint rowStride, nint columnStride) : this(data, signed, null, 1, rowStride, columnStride) => _zero = zero;

        /// <summary>Whether all rows have the same zero point.</summary>
        internal bool OneZero => zeroCount <= 1;

        /// <summary>The zero point of a row of unsigned codes.</summary>
        internal int Zero(int row) => (zeroCount == 0 ? 0 : zeros == null ? _zero : zeros[zeroCount == 1 ? 0 : row]) + (signed ? Flip : 0);

        /// <summary>Whether tiles can read A where it lies: whole quads.</summary>
        internal bool InPlace(int k) => !signed && columnStride == 1 && k % 4 == 0;

        /// <summary>Rows [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>) that can be read in place, copied by <see cref="RowSpread"/>; they keep their numbers.</summary>
        internal Rows Spread(Workers workers, int first, int count, int k)
        {
            nint stride = RowSpread.Stride(k);
            byte* to = RowSpread.Copy(workers, At(first), rowStride, count, k) - first * stride;
            return zeros == null && zeroCount == 1 ? new(to, false, _zero, stride, 1) : new(to, false, zeros, zeroCount, stride, 1);
        }

        internal byte* At(int row) => data + row * rowStride;

        internal nint Stride => rowStride;

        /// <summary>Copies rows as unsigned codes, <paramref name="stride"/> bytes apart, zeros behind the k-th.</summary>
        internal void Pack(int first, int rows, int k, byte* to, nint stride)
        {
            byte flip = (byte)(signed ? Flip : 0);
            for (int i = 0; i < rows; i++, to += stride)
            {
                byte* from = At(first + i);
                int j = 0;
                if (columnStride == 1)
                    for (var flips = new Vector<byte>(flip); j <= k - Vector<byte>.Count; j += Vector<byte>.Count) (Vector.Load(from + j) ^ flips).Store(to + j);
                for (; j < k; j++) to[j] = (byte)(from[j * columnStride] ^ flip);
                for (; j % 4 != 0; j++) to[j] = 0;
            }
        }
    }
}
