using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>What is done to a finished piece of one row of a product; a struct, so that the loop specializes.</summary>
public interface IGemmEpilogue
{
    /// <summary>True when there is nothing to do.</summary>
    bool IsEmpty { get; }

    /// <summary>Transforms columns [column, column + values.Length) of row <paramref name="row"/>.</summary>
    void Apply(int row, int column, Span<float> values);
}

/// <summary>Leaves the product as it is.</summary>
public readonly struct NoEpilogue : IGemmEpilogue
{
    /// <inheritdoc/>
    public bool IsEmpty => true;

    /// <inheritdoc/>
    public void Apply(int row, int column, Span<float> values) { }
}

/// <summary>
/// C[m,n] = Σk A[m,k]·B[k,n] in f32. A is read where it lies, through a row and a column stride (so a transposed A costs nothing).
/// B is packed: panels of <see cref="PanelColumns"/> columns, in each the k rows one after the other; the last panel is 16, 32 or 48
/// wide, its surplus columns zero. Panel p starts at float p·48·k. A C tile of 8 × 48 is summed over blocks of
/// <see cref="KBlock"/> in registers; sums do not depend on the partition, so any number of threads gives the same bits.
/// </summary>
public static unsafe partial class GemmF32
{
    /// <summary>Rows of a register tile.</summary>
    public const int TileRows = 8;

    private const int HalfRows = TileRows / 2;

    /// <summary>Columns of a packed panel.</summary>
    public const int PanelColumns = 48;

    /// <summary>Panel widths are multiples of this.</summary>
    public const int LaneColumns = 16;

    private const int PanelLanes = PanelColumns / LaneColumns;

    // 384 · 48 floats of B (72 KiB) stream from a second-level cache at 16 bytes a cycle; shorter blocks meet C more often.
    private const int KBlock = 384;

    // Rows that meet one panel before the next panel is fetched.
    private const int RowBlock = 64;

    /// <summary>Floats that a packed B of k × n takes.</summary>
    public static long PackedLength(long k, long n) => Tensors.Checked.Mul(k, Tensors.Checked.AlignUp(n, LaneColumns));

    /// <summary>Width of the packed panel that starts at column <paramref name="column"/>.</summary>
    public static int PanelWidth(int n, int column) => Math.Min(PanelColumns, (n - column + LaneColumns - 1) / LaneColumns * LaneColumns);

    /// <summary>Packs B; element (k, n) lies at <c>b[k·rowStride + n·columnStride]</c>.</summary>
    public static void Pack(Workers workers, int k, int n, float* b, nint rowStride, nint columnStride, float* packed) =>
        workers.For((n + PanelColumns - 1) / PanelColumns, Math.Max(1, 65536 / (PanelColumns * Math.Max(1, k))), new PackBody(k, n, b, rowStride, columnStride, packed));

    /// <summary>
    /// C = A·B with a packed B; element (m, k) of A lies at <c>a[m·rowStride + k·columnStride]</c>, rows of C are <paramref name="ldc"/>
    /// floats apart. Inside a parallel body pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TEpilogue>(Workers workers, int m, int n, int k, float* a, nint rowStride, nint columnStride, float* packed, float* c, nint ldc, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue => Run(workers, m, n, k, a, rowStride, columnStride, packed, k, n, c, ldc, epilogue);

    /// <summary>As above with the first k rows and n columns of a B that was packed as <paramref name="packedK"/> × <paramref name="packedN"/>; the bits are those of such a B packed by itself.</summary>
    public static void Run<TEpilogue>(Workers workers, int m, int n, int k, float* a, nint rowStride, nint columnStride, float* packed, int packedK, int packedN, float* c, nint ldc, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (m == 0 || n == 0) return;
        int lanes = (n + LaneColumns - 1) / LaneColumns, blocks = (m + RowBlock - 1) / RowBlock;
        double lane = (double)Math.Min(m, RowBlock) * LaneColumns * k;
        workers.For(Tensors.Checked.Int((long)lanes * blocks), (int)Math.Clamp(65536 / Math.Max(1, lane), PanelLanes, 1 << 20), new RunBody<TEpilogue>(m, n, k, a, rowStride, columnStride, packed, packedK, packedN, c, ldc, epilogue));
    }

    private readonly struct PackBody(int k, int n, float* b, nint rowStride, nint columnStride, float* packed) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int p = start; p < end; p++)
            {
                int column = p * PanelColumns, width = PanelWidth(n, column), used = Math.Min(width, n - column);
                PackPanel(b + column * columnStride, rowStride, columnStride, k, used, width, packed + (nint)column * k);
            }
        }
    }

    private static void PackPanel(float* from, nint rowStride, nint columnStride, int k, int used, int width, float* to)
    {
        if (columnStride == 1)
        {
            for (int i = 0; i < k; i++, from += rowStride, to += width)
            {
                Unsafe.CopyBlockUnaligned(to, from, (uint)used * sizeof(float));
                for (int j = used; j < width; j++) to[j] = 0;
            }
            return;
        }
        // A transposed B: blocks of 16 rows keep both sides in cache lines.
        for (int i0 = 0; i0 < k; i0 += TileTranspose.Block)
        {
            int rows = Math.Min(TileTranspose.Block, k - i0);
            if (rowStride == 1)
            {
                float* tile = to + (nint)i0 * width;
                TileTranspose.Tile(from + i0, columnStride, tile, width, rows, used);
                if (used < width) for (int i = 0; i < rows; i++) new Span<float>(tile + (nint)i * width + used, width - used).Clear();
                continue;
            }
            for (int j = 0; j < width; j++)
            {
                float* target = to + (nint)i0 * width + j;
                float* source = from + i0 * rowStride + j * columnStride;
                for (int i = 0; i < rows; i++) target[(nint)i * width] = j < used ? source[i * rowStride] : 0;
            }
        }
    }
}
