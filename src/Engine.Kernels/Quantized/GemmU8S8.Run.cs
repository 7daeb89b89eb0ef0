using System.Numerics;

namespace Engine.Kernels;

public static unsafe partial class GemmU8S8
{
    // Eight tiles of 14 rows meet a panel before the next one is fetched; their sums, 14 KiB, stay in the first-level cache.
    private const int RowBlock = 112;

    // Panels of a unit: A is made ready again for each.
    private const int MostPanels = 8;

    /// <summary>
    /// The product of A, less its zero points, and a B packed by <see cref="PackB"/>, less its, tile by tile into <paramref name="store"/>.
    /// Inside a parallel body pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in Rows a, byte* packedB, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int blocks = (m + RowBlock - 1) / RowBlock, panels = (n + PanelColumns - 1) / PanelColumns;
        // By shape alone: enough units for many threads.
        int panelsOfUnit = (int)Math.Clamp((long)panels * blocks / 32, 1, MostPanels), splits = (panels + panelsOfUnit - 1) / panelsOfUnit;
        double work = (double)Math.Min(m, RowBlock) * Math.Min(n, panelsOfUnit * PanelColumns) * k;
        var body = new Body<TStore>(m, n, k, a, packedB, store, blocks, panelsOfUnit);
        workers.For(Tensors.Checked.Int((long)blocks * splits), (int)Math.Clamp((1 << 20) / Math.Max(1, work), 1, 1024), body);
    }

    private readonly struct Body<TStore>(int m, int n, int k, Rows a, byte* b, TStore store, int blocks, int panelsOfUnit) : IParallelBody where TStore : struct, ITileStore
    {
        // Packed rows begin on other lines of a cache.
        private readonly nint _stride = (Quads(k) * (nint)4 + 63) / 64 * 64 + 64;

        public void Run(int start, int end)
        {
            bool inPlace = a.InPlace(k), zeros = new Span<int>(new ColumnTerms(b, k, n).Zeros, n).ContainsAnyExcept(0);
            byte* scratch = Scratch.Get((sizeof(int) * (nint)PanelColumns + sizeof(int)) * RowBlock + (inPlace ? 0 : RowBlock * _stride));
            int* sums = (int*)scratch, rowTerms = sums + PanelColumns * RowBlock;
            byte* packed = (byte*)(rowTerms + RowBlock);
            for (int unit = start; unit < end; unit++)
            {
                int row = unit % blocks * RowBlock, rows = Math.Min(RowBlock, m - row), first = unit / blocks * panelsOfUnit * PanelColumns;
                if (!inPlace) a.Pack(row, rows, k, packed, _stride);
                byte* from = inPlace ? a.At(row) : packed;
                nint stride = inPlace ? a.Stride : _stride;
                if (zeros)
                    for (int i = 0; i < rows; i++) rowTerms[i] = a.Zero(row + i) * k - Sum(from + i * stride, k);
                for (int column = first; column < Math.Min(n, first + panelsOfUnit * PanelColumns); column += PanelColumns)
                    Panel(from, stride, row, rows, column, sums, zeros ? rowTerms : null);
            }
        }

        private void Panel(byte* from, nint stride, int row, int rows, int column, int* sums, int* rowTerms)
        {
            int width = PanelWidth(n, column);
            int* start = stackalloc int[PanelColumns];
            var columns = new ColumnTerms(b, k, n);
            var tile = new Tile { A = from, RowStride = stride, B = (sbyte*)b + (nint)column * 4 * Quads(k), C = sums, CStride = width, Rows = rows, Columns = width, Segments = 1, Quads = Quads(k) };
            if (a.OneZero && rowTerms == null)
            {
                // Σ(a − z)b = Σab − zΣb.
                for (int j = 0; j < width; j++) start[j] = unchecked(-a.Zero(0) * columns.Sums[column + j]);
                tile.Start = start;
            }
            else
            {
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < width; j++) sums[i * width + j] = unchecked(-a.Zero(row + i) * columns.Sums[column + j] + (rowTerms == null ? 0 : rowTerms[i] * columns.Zeros[column + j]));
                tile.Start = sums;
                tile.StartStride = width;
            }
            Table.Best(tile);
            store.Store(sums, width, row, row, rows, column, Math.Min(width, n - column));
        }
    }

    private static int Sum(byte* x, int count)
    {
        int i = 0, sum = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(Vector.Load(x + i), out var low, out var high);
            Vector.Widen(low + high, out var l, out var h);
            sum = unchecked(sum + (int)Vector.Sum(l + h));
        }
        for (; i < count; i++) sum = unchecked(sum + x[i]);
        return sum;
    }
}
