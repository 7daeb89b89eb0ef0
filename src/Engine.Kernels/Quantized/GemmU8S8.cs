using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] of u8 and s8, exact in 32 bits (wrapping beyond). B is packed in panels of <see cref="PanelColumns"/> columns,
/// the last one 16 or 32 wide: k in quads, [k / 4, columns, 4], surplus k and columns zero.
/// </summary>
public static unsafe partial class GemmU8S8
{
    /// <summary>Columns of a packed panel; the last may have half of them.</summary>
    public const int PanelColumns = 32;

    /// <summary>
    /// C[i, j] = Start[i, j] + Σs Σk A[i, s, k]·B[s, k, j] for <see cref="Rows"/> rows and the <see cref="Columns"/> columns of some
    /// panels, of 32 columns but for the last one, which has 16 or 32: k runs over 4 · <see cref="Quads"/> bytes beside each other, s over <see cref="Segments"/> such runs, as the rows of a window of
    /// a picture whose channels lie last. A product of matrices has one segment. All of these bytes of A are read, whatever weights they meet.
    /// </summary>
    /// <remarks>The structure engine_tile of native/engine-kernels.h.</remarks>
    [StructLayout(LayoutKind.Sequential)]
    public struct Tile
    {
        /// <summary>Row i of A, u8, begins at A + i · RowStride, and its run s SegmentStride · s bytes on.</summary>
        public byte* A;

        /// <summary>Bytes from a row of A, and from a run, to the next.</summary>
        public nint RowStride, SegmentStride;

        /// <summary>The panels of B, s8 [Segments · Quads, columns of the panel, 4], one after the other.</summary>
        public sbyte* B;

        /// <summary>What sums start from, or null for 0: a bias with stride 0, or C itself to add to it.</summary>
        public int* Start;

        /// <summary>Elements from a row of <see cref="Start"/> to the next; 0 where all rows start alike.</summary>
        public nint StartStride;

        /// <summary>The sums [Rows, Columns].</summary>
        public int* C;

        /// <summary>Elements from a row of <see cref="C"/> to the next.</summary>
        public nint CStride;

        /// <summary>Sizes; see <see cref="Tile"/>.</summary>
        public int Rows, Columns, Segments, Quads;

        /// <summary>The panel that holds a column.</summary>
        internal readonly sbyte* Panel(int column) => B + column / PanelColumns * PanelColumns * 4 * (nint)Segments * Quads;

        /// <summary>Some of the panels, the first of which begins with a column.</summary>
        internal readonly Tile Of(int column, int columns) => this with { B = Panel(column), Start = Start == null ? null : Start + column, C = C + column, Columns = columns };
    }

    /// <summary>Sums of all rows of some panels.</summary>
    public delegate void TileFn(in Tile t);

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("gemm-u8s8", "avx512vnni", "i8mm");

    /// <summary>
    /// Best first: vpdpbusd adds four products a lane, with 512 bits only in the native library; vpmaddwd on widened operands adds two.
    /// vpmaddubsw is out: it saturates.
    /// </summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-u8s8",
        new(s_native.Tier, s_native.Exists, Native),
        new("avxvnni", AvxVnni.IsSupported, TileAvxVnni),
        new("avx512", Avx512BW.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported, TileAvx2),
        new("advsimd", Dp.IsSupported, TileDotProd),
        new("scalar", true, TileScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Native(in Tile t) => s_native.Run(t);

    private static void TileScalar(in Tile t)
    {
        for (int i = 0; i < t.Rows; i++)
            for (int j = 0; j < t.Columns; j++)
            {
                int sum = t.Start == null ? 0 : t.Start[i * t.StartStride + j], width = PanelWidth(t.Columns, j / PanelColumns * PanelColumns);
                sbyte* b = t.Panel(j) + 4 * (j % PanelColumns);
                for (int s = 0; s < t.Segments; s++)
                {
                    byte* a = t.A + i * t.RowStride + s * t.SegmentStride;
                    for (int q = 0; q < t.Quads; q++, a += 4, b += 4 * width)
                        for (int k = 0; k < 4; k++) sum = unchecked(sum + a[k] * b[k]);
                }
                t.C[i * t.CStride + j] = sum;
            }
    }
}
