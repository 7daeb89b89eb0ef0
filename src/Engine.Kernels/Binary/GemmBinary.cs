using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

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

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("gemm-binary", "avx512vpopcntdq");

    /// <summary>
    /// Best first. Without an instruction that counts bits, a row's next bits choose a table of their distances to all values of as many bits of a column, and a shuffle looks up
    /// those of all columns of a panel: 6 bits at a time with 512 bits, 4 with 256.
    /// </summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-binary",
        new(s_native.Tier, s_native.Exists, Native),
        new("avx512", Avx512Vbmi.VL.IsSupported && Avx512BW.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported, TileAvx2),
        new("advsimd", AdvSimd.IsSupported, TileAdvSimd),
        new("scalar", true, TileScalar));

    /// <summary>The layout of a tier.</summary>
    internal static BinaryLayout LayoutOf(string tier) => tier switch { "avx512" => s_six, "avx2" => s_four, "advsimd" => s_bytes, _ => BinaryLayout.Words };

    /// <summary>Tier of <see cref="KernelTable{TFn}.Best"/>.</summary>
    internal static string Selected => Table.SupportedTiers.First(t => Table[t] == Table.Best);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Native(in Tile t) => s_native.Run(t, (long)t.RowCount * t.Panels * PanelColumns * t.SegmentCount * t.Words * 8);

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
