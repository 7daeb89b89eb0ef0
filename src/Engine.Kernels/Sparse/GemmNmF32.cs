using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] in f32 with N:M sparse columns of B (<see cref="NmForm"/>): activations are permuted by the positions of kept values. B is packed in
/// panels of 32 columns, the last one 16 or 32 wide.
/// <para>A panel is records: a vector of positions u32 [columns], then <see cref="NmForm.Fields"/> quads of values f32 [4, columns]; kept value i of a record has the
/// bits from i · <see cref="NmForm.IndexBits"/> of the positions. The last record may be shorter.</para>
/// </summary>
public static unsafe partial class GemmNmF32
{
    /// <summary>Columns of a packed panel; the last may have half of them.</summary>
    public const int PanelColumns = 32;

    /// <summary>Rows of A by a panel; runs of A are a window a quad, all of them read.</summary>
    /// <param name="form">The form.</param>
    /// <param name="a">First row.</param>
    /// <param name="rowStride">Floats from a row of A to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="b">Records of the panel.</param>
    /// <param name="columns">16 or 32.</param>
    /// <param name="quads">Quads of kept values.</param>
    /// <param name="c">The sums [Rows, Columns].</param>
    /// <param name="cStride">Floats from a row of C to the next.</param>
    /// <param name="accumulate">True to add to C.</param>
    public readonly struct Tile(NmForm form, float* a, nint rowStride, int rows, float* b, int columns, int quads, float* c, nint cStride, bool accumulate)
    {
        /// <inheritdoc cref="Tile"/>
        public readonly NmForm Form = form;

        /// <inheritdoc cref="Tile"/>
        public readonly float* A = a, B = b, C = c;

        /// <inheritdoc cref="Tile"/>
        public readonly nint RowStride = rowStride, CStride = cStride;

        /// <inheritdoc cref="Tile"/>
        public readonly int Rows = rows, Columns = columns, Quads = quads;

        /// <inheritdoc cref="Tile"/>
        public readonly bool Accumulate = accumulate;
    }

    /// <summary>Sums of all rows of a panel.</summary>
    public delegate void TileFn(in Tile t);

    /// <summary>Best first.</summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-nm-f32",
        new("avx512", Avx512BW.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, TileAvx2),
        new("advsimd", AdvSimd.Arm64.IsSupported, TileArm),
        new("scalar", true, TileScalar));

    /// <summary>True where positions in f32 are one permutation of a vector.</summary>
    public static bool Supports(NmForm form) => form.IsSupported && form.M <= 8;

    // A panel of 16 columns is one vector of 512 bits; two of 256 fill the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(in Tile t)
    {
        if (t.Columns == PanelColumns) NmPanelsF32.Run<NmF32Avx512, Vector512<float>, Vector512<uint>>(t);
        else NmPanelsF32.Run<NmF32Avx2, Vector256<float>, Vector256<uint>>(t);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(in Tile t) => NmPanelsF32.Run<NmF32Avx2, Vector256<float>, Vector256<uint>>(t);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileArm(in Tile t) => NmPanelsF32.Run<NmF32Arm, Pair<Vector128<float>>, Vector128<uint>>(t);

    private static void TileScalar(in Tile t)
    {
        int fields = t.Form.Fields, bits = t.Form.IndexBits, record = (4 * fields + 1) * t.Columns;
        for (int i = 0; i < t.Rows; i++)
            for (int j = 0; j < t.Columns; j++)
            {
                double sum = t.Accumulate ? t.C[i * t.CStride + j] : 0;
                for (int q = 0; q < t.Quads; q++)
                {
                    float* b = t.B + (nint)(q / fields) * record + j, a = t.A + i * t.RowStride + (nint)q * t.Form.Window;
                    for (int k = 0; k < 4; k++)
                    {
                        int at = q % fields * 4 + k;
                        sum += (double)a[k / t.Form.N * t.Form.M + (int)(*(uint*)b >> at * bits & (1u << bits) - 1)] * b[(1 + at) * t.Columns];
                    }
                }
                t.C[i * t.CStride + j] = (float)sum;
            }
    }

    /// <summary>Floats of packed B.</summary>
    public static long PackedLength(NmForm form, int k, int n) => Checked.Mul(Checked.AlignUp(n, PanelColumns / 2), Depth(form, form.Quads(k)));

    // Floats of a column's quads with their positions.
    private static long Depth(NmForm form, int quads) => 4L * quads + Checked.CeilDiv(quads, form.Fields);

    private static int PanelWidth(int n, int column) => n - column > PanelColumns / 2 ? PanelColumns : PanelColumns / 2;

    /// <summary>Packs B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/>. False where a column is not of the form.</summary>
    public static bool PackB(NmForm form, float* b, int k, int n, nint rowStride, nint columnStride, float* packed)
    {
        new Span<byte>(packed, Checked.Int(Checked.Mul(PackedLength(form, k, n), sizeof(float)))).Clear();
        for (int j = 0; j < n; j++)
        {
            int first = j / PanelColumns * PanelColumns, width = PanelWidth(n, first);
            float* to = packed + first * Depth(form, form.Quads(k)) + (j - first);
            for (int g = 0; g < (k + form.M - 1) / form.M; g++)
            {
                int kept = 0;
                for (int i = g * form.M; i < Math.Min(k, (g + 1) * form.M); i++)
                {
                    float v = b[i * rowStride + j * columnStride];
                    if (v == 0) continue;
                    if (kept == form.N) return false;
                    int at = g * form.N + kept++, record = at / (4 * form.Fields), inRecord = at % (4 * form.Fields);
                    float* from = to + (nint)record * (4 * form.Fields + 1) * width;
                    *(uint*)from |= (uint)(i - g * form.M) << inRecord * form.IndexBits;
                    from[(1 + inRecord) * width] = v;
                }
            }
        }
        return true;
    }
}
