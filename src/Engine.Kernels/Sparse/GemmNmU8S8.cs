using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] of u8 and s8 with N:M sparse columns of B (<see cref="NmForm"/>), exact in 32 bits: activations are gathered by the
/// positions of kept values, weights are never expanded. B is packed in panels of <see cref="GemmU8S8.PanelColumns"/> columns, the last one 16 or 32 wide.
/// <para>A panel is records: a vector of positions [columns, 4], and up to <see cref="NmForm.Fields"/> quads of values [columns, 4], those of field f at bits f ·
/// <see cref="NmForm.IndexBits"/> of the positions. The last record may be shorter.</para>
/// </summary>
public static unsafe partial class GemmNmU8S8
{
    /// <summary>A dense tile whose quads are those of kept values; runs of A are <see cref="Window"/> bytes a quad, all of them read.</summary>
    /// <remarks>The structure engine_nm_tile of native/engine-kernels.h.</remarks>
    [StructLayout(LayoutKind.Sequential)]
    public struct Tile(in GemmU8S8.Tile tile, NmForm form)
    {
        /// <summary>Operands and sizes; Segments and Quads count kept values.</summary>
        public GemmU8S8.Tile Base = tile;

        /// <summary>Where groups begin in a window, a byte a value of a quad.</summary>
        public uint Offsets = form.Offsets;

        /// <summary>Bytes of A a quad, 8 or 16, and bits of a position, 2 or 4.</summary>
        public int Window = form.Window, IndexBits = form.IndexBits;
    }

    /// <summary>Sums of all rows of a panel.</summary>
    public delegate void TileFn(in Tile t);

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("gemm-nm-u8s8", "avx512vnni", "none");

    /// <summary>Best first: a byte shuffle, then vpdpbusd, or vpmaddubsw kept from saturating (<see cref="NmTurned512"/>), or sdot.</summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-nm-u8s8",
        new("avx512vnni", s_native.Exists, Native),
        new("avx512", Avx512BW.IsSupported, TileAvx512),
        new("avxvnni", AvxVnni.IsSupported, TileAvxVnni),
        new("avx2", Avx2.IsSupported, TileAvx2),
        new("advsimd", Dp.IsSupported, TileArm),
        new("scalar", true, TileScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Native(in Tile t) => s_native.Run(t);

    // A panel of 16 columns is one vector of 512 bits; two of 256 fill the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(in Tile t)
    {
        if (t.Base.Columns != GemmU8S8.PanelColumns)
        {
            TileAvx2(t);
            return;
        }
        var rest = t;
        if (Turn(ref rest) is { } turned) NmPanels.Run<NmTurned512, Vector512<int>, Vector512<byte>, Vector512<byte>>(turned);
        NmPanels.Run<NmAvx512, Vector512<int>, Vector512<byte>, Pair<Vector512<short>>>(rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(in Tile t)
    {
        var rest = t;
        if (Turn(ref rest) is { } turned) NmPanels.Run<NmTurned256, Vector256<int>, Vector256<byte>, Vector256<byte>>(turned);
        NmPanels.Run<NmAvx2, Vector256<int>, Vector256<byte>, Pair<Vector256<short>>>(rest);
    }

    // Rows enough to pay for the sums of a row of zeros, on windows that leave room for their complement.
    private static Tile? Turn(ref Tile t)
    {
        if (t.Window != 8 || t.Base.Rows < 4) return null;
        var turned = t;
        int rows = turned.Base.Rows &= ~3;
        t.Base.Rows -= rows;
        t.Base.A += rows * t.Base.RowStride;
        t.Base.C += rows * t.Base.CStride;
        if (t.Base.Start != null) t.Base.Start += rows * t.Base.StartStride;
        return turned;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvxVnni(in Tile t) => NmPanels.Run<NmAvxVnni, Vector256<int>, Vector256<byte>, Vector256<sbyte>>(t);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileArm(in Tile t) => NmPanels.Run<NmArm, Pair<Vector128<int>>, Vector128<byte>, Vector128<sbyte>>(t);

    private static void TileScalar(in Tile tile)
    {
        ref readonly var t = ref tile.Base;
        int fields = 8 / tile.IndexBits, mask = (1 << tile.IndexBits) - 1, step = 4 * t.Columns, records = (t.Quads + fields - 1) / fields;
        for (int i = 0; i < t.Rows; i++)
            for (int j = 0; j < t.Columns; j++)
            {
                int sum = t.Start == null ? 0 : t.Start[i * t.StartStride + j];
                for (int s = 0; s < t.Segments; s++)
                {
                    byte* a = t.A + i * t.RowStride + s * t.SegmentStride, b = (byte*)t.B + 4 * j + (nint)s * (t.Quads + records) * step;
                    for (int q = 0; q < t.Quads; q++, a += tile.Window)
                    {
                        byte* positions = b + (nint)(q / fields) * (fields + 1) * step, values = positions + (1 + q % fields) * step;
                        for (int k = 0; k < 4; k++)
                            sum = unchecked(sum + a[(positions[k] >> q % fields * tile.IndexBits & mask) + (int)(tile.Offsets >> 8 * k & 255)] * (sbyte)values[k]);
                    }
                }
                t.C[i * t.CStride + j] = sum;
            }
    }
}
