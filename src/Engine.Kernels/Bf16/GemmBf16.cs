using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] of bf16, summed in f32. B is packed in panels of <see cref="PanelColumns"/> columns, the last one 16 or 32 wide:
/// k in pairs, [k / 2, columns, 2], surplus k and columns zero. The native tier takes subnormal numbers for 0.
/// </summary>
public static unsafe partial class GemmBf16
{
    /// <summary>Columns of a packed panel; the last may have half of them.</summary>
    public const int PanelColumns = GemmU8S8.PanelColumns;

    /// <summary>C[i, j] = Start[i, j] + Σk A[i, k]·B[k, j] for the columns of some panels.</summary>
    /// <remarks>The structure engine_tile of native/engine-kernels.h, and in memory that of <see cref="GemmU8S8.Tile"/>.</remarks>
    [StructLayout(LayoutKind.Sequential)]
    public struct Tile
    {
        /// <summary>Row i of A begins RowStride · i bytes behind A, and its run s SegmentStride · s bytes on.</summary>
        public BFloat16* A;

        /// <summary>Bytes from a row of A, and from a run, to the next.</summary>
        public nint RowStride, SegmentStride;

        /// <summary>The panels of B, [Segments · Pairs, columns of the panel, 2], one after the other.</summary>
        public BFloat16* B;

        /// <summary>What sums start from, or null for 0.</summary>
        public float* Start;

        /// <summary>Elements from a row of <see cref="Start"/> to the next; 0 where all rows start alike.</summary>
        public nint StartStride;

        /// <summary>The sums [Rows, Columns].</summary>
        public float* C;

        /// <summary>Elements from a row of <see cref="C"/> to the next.</summary>
        public nint CStride;

        /// <summary>Sizes; see <see cref="Tile"/>.</summary>
        public int Rows, Columns, Segments, Pairs;
    }

    /// <summary>Sums of all rows of some panels.</summary>
    public delegate void TileFn(in Tile t);

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("gemm-bf16", "avx512bf16", "bf16");

    /// <summary>Best first: vdpbf16ps, in the native library only, adds two products a lane; the others widen to f32.</summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-bf16",
        new(s_native.Tier, s_native.Exists, Native),
        new("avx512", Avx512F.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, TileAvx2),
        new("advsimd", AdvSimd.IsSupported, TileArm),
        new("scalar", true, TileScalar));

    private static ref readonly GemmU8S8.Tile Bytes(in Tile t) => ref Unsafe.As<Tile, GemmU8S8.Tile>(ref Unsafe.AsRef(in t));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Native(in Tile t) => s_native.Run(Bytes(t));

    // A panel of 16 columns is one vector of 512 bits; two of 256 fill the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(in Tile t)
    {
        ref readonly var b = ref Bytes(t);
        int wide = b.Columns / PanelColumns * PanelColumns;
        if (wide > 0) DotPanels.Run<DotBf16Avx512, Vector512<float>, Pair<Vector512<float>>, Pair<Vector512<float>>>(b.Of(0, wide));
        if (wide < b.Columns) DotPanels.Run<DotBf16Avx2, Vector256<float>, Pair<Vector256<float>>, Pair<Vector256<float>>>(b.Of(wide, b.Columns - wide));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(in Tile t) => DotPanels.Run<DotBf16Avx2, Vector256<float>, Pair<Vector256<float>>, Pair<Vector256<float>>>(Bytes(t));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileArm(in Tile t) => DotPanels.Run<DotBf16Arm, Vector128<float>, Pair<Vector128<float>>, Pair<Vector128<float>>>(Bytes(t));

    private static void TileScalar(in Tile t)
    {
        for (int i = 0; i < t.Rows; i++)
            for (int j = 0; j < t.Columns; j++)
            {
                double sum = t.Start == null ? 0 : t.Start[i * t.StartStride + j];
                int width = GemmU8S8.PanelWidth(t.Columns, j / PanelColumns * PanelColumns);
                var b = (BFloat16*)Bytes(t).Panel(j) + 2 * (j % PanelColumns);
                for (int s = 0; s < t.Segments; s++)
                {
                    var a = (BFloat16*)((byte*)t.A + i * t.RowStride + s * t.SegmentStride);
                    for (int p = 0; p < t.Pairs; p++, a += 2, b += 2 * width) sum += (double)(float)a[0] * (float)b[0] + (double)(float)a[1] * (float)b[1];
                }
                t.C[i * t.CStride + j] = (float)sum;
            }
    }
}
