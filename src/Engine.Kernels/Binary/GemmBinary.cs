using System.Numerics;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>
/// Products of rows of signs, packed in words where bit 1 is −1 and bit 0 is +1: base − 2 · popcount(a xor b), which with the number of signs as the base is their sum of products, exact.
/// B is packed in panels of <see cref="PanelColumns"/> columns as a tier wants them (<see cref="BinaryLayout"/>).
/// </summary>
public static unsafe partial class GemmBinary
{
    /// <summary>Columns of a packed panel; surplus ones are zero.</summary>
    public const int PanelColumns = 64;

    /// <summary>Where a row of a tile begins, and what its sums start from, a value a column.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Row
    {
        /// <summary>The signs, words of <see cref="BinaryLayout.UnitBytes"/>.</summary>
        public byte* A;

        /// <summary>The base of column 0.</summary>
        public int* Base;
    }

    /// <summary>
    /// C[i, j] = Rows[i].Base[Column + j] − 2 · Σs Σw popcount(A[i, s, w] xor B[s, w, j]) for the 64 columns of each of <see cref="Panels"/> panels: w runs over words beside each other,
    /// s over such runs, as the rows of a window of a picture whose channels lie last. A product of matrices has one segment.
    /// </summary>
    /// <remarks>The structure engine_binary_tile of native/engine-kernels.h.</remarks>
    [StructLayout(LayoutKind.Sequential)]
    public struct Tile
    {
        /// <summary>The rows.</summary>
        public Row* Rows;

        /// <summary>Bytes from the beginning of a row to each segment.</summary>
        public nint* Segments;

        /// <summary>The panels of B, one after the other.</summary>
        public byte* B;

        /// <summary>The sums [RowCount, 64 · Panels].</summary>
        public int* C;

        /// <summary>Elements from a row of <see cref="C"/> to the next.</summary>
        public nint CStride;

        /// <summary>Sizes; see <see cref="Tile"/>.</summary>
        public int RowCount, Panels, SegmentCount, Words, Column;
    }

    /// <summary>Sums of all rows of some panels.</summary>
    public delegate void TileFn(in Tile t);

    /// <summary>Best first.</summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-binary",
        new KernelVariant<TileFn>("scalar", true, TileScalar));

    /// <summary>Tier of <see cref="KernelTable{TFn}.Best"/>.</summary>
    internal static string Selected => Table.SupportedTiers.First(t => Table[t] == Table.Best);

    private static void TileScalar(in Tile t)
    {
        for (int i = 0; i < t.RowCount; i++)
            for (int j = 0; j < t.Panels * PanelColumns; j++)
            {
                ulong* b = (ulong*)t.B + (nint)(j / PanelColumns) * t.SegmentCount * t.Words * PanelColumns + j % PanelColumns;
                int count = 0;
                for (int s = 0; s < t.SegmentCount; s++)
                {
                    ulong* a = (ulong*)(t.Rows[i].A + t.Segments[s]);
                    for (int w = 0; w < t.Words; w++, b += PanelColumns) count += BitOperations.PopCount(a[w] ^ *b);
                }
                t.C[i * t.CStride + j] = t.Rows[i].Base[t.Column + j] - 2 * count;
            }
    }
}
