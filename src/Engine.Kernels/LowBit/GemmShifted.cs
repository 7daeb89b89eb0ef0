using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// y[m, n] = Σk (A[m, k] − zero) · B[k, n] · 2^shift[k] over 8-bit A and s8 B, exact in 32 bits (wrapping beyond): channel scales of activations that are powers of two
/// times one base (TRIP), and groups of channels whose scales halve from one to the next (ShiftQuant). One float factor is left for the end. Runs on the tiles of gemm-u8s8.
/// </summary>
public static unsafe class GemmShifted
{
    private const int RowBlock = 48;

    // What turns a signed code into an unsigned one, in bits and in value.
    private const int Flip = 0x80;

    /// <summary>The definition, element by element.</summary>
    public static void Reference<TStore>(int m, int n, ReadOnlySpan<byte> a, bool signed, int zero, ReadOnlySpan<byte> b, ReadOnlySpan<byte> shifts, in TStore store) where TStore : struct, ITileStore
    {
        int k = shifts.Length;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                int sum = 0;
                for (int p = 0; p < k; p++) sum = unchecked(sum + (((signed ? (sbyte)a[i * k + p] : a[i * k + p]) - zero) * (sbyte)b[p * n + j] << shifts[p]));
                store.Store(&sum, 1, i, i, 1, j, 1);
            }
    }

    /// <summary>The product with a B packed by <paramref name="groups"/>, tile by tile into <paramref name="store"/>; A is [m, k].</summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, byte* a, bool signed, int zero, ShiftGroups groups, byte* packed, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int blocks = (m + RowBlock - 1) / RowBlock, panels = (n + GemmU8S8.PanelColumns - 1) / GemmU8S8.PanelColumns;
        // By shape alone: few rows are split over columns too, and made ready for each split.
        int splits = Math.Clamp(16 / blocks, 1, panels);
        double work = (double)Math.Min(m, RowBlock) * n * k / splits;
        workers.For(blocks * splits, (int)Math.Clamp((1 << 20) / Math.Max(1, work), 1, 1024), new Body<TStore>(m, n, k, a, signed, zero, groups, packed, store, panels, splits));
    }

    private readonly struct Body<TStore>(int m, int n, int k, byte* a, bool signed, int zero, ShiftGroups groups, byte* packed, TStore store, int panels, int splits) : IParallelBody where TStore : struct, ITileStore
    {
        public void Run(int start, int end)
        {
            bool inPlace = groups.InPlace && !signed;
            nint stride = inPlace ? k : groups.Order.Length;
            byte* scratch = Scratch.Get(sizeof(int) * GemmU8S8.PanelColumns * RowBlock + (inPlace ? 0 : RowBlock * stride));
            int* sums = (int*)scratch;
            byte* own = scratch + sizeof(int) * GemmU8S8.PanelColumns * RowBlock;
            for (int unit = start; unit < end; unit++)
            {
                int row = unit / splits * RowBlock, rows = Math.Min(RowBlock, m - row), split = unit % splits;
                byte* from = inPlace ? a + (nint)row * k : own;
                if (!inPlace) for (int i = 0; i < rows; i++) Gather(a + (nint)(row + i) * k, own + i * stride);
                for (int p = (int)((long)panels * split / splits); p < (int)((long)panels * (split + 1) / splits); p++) Panel(from, stride, row, rows, p * GemmU8S8.PanelColumns, sums);
            }
        }

        private void Gather(byte* from, byte* to)
        {
            byte flip = (byte)(signed ? Flip : 0);
            var order = groups.Order;
            for (int i = 0; i < order.Length; i++) to[i] = order[i] < 0 ? (byte)0 : (byte)(from[order[i]] ^ flip);
        }

        private void Panel(byte* from, nint stride, int row, int rows, int column, int* sums)
        {
            int width = GemmU8S8.PanelWidth(n, column), used = Math.Min(width, n - column), count = rows * width;
            byte* panel = packed + 4 * GemmU8S8.Columns(n) + (nint)column * groups.Order.Length;
            var tile = new GemmU8S8.Tile { RowStride = stride, C = sums, CStride = width, StartStride = width, Rows = rows, Columns = width, Segments = 1 };
            int before = 0;
            foreach (var g in groups.Groups)
            {
                if (tile.Start != null) Shift(sums, count, before - g.Shift);
                tile.A = from + 4 * g.FirstQuad;
                tile.B = (sbyte*)panel + (nint)g.FirstQuad * 4 * width;
                tile.Quads = g.Quads;
                GemmU8S8.Table.Best(tile);
                tile.Start = sums;
                before = g.Shift;
            }
            if (tile.Start == null) new Span<int>(sums, count).Clear();
            Shift(sums, count, before);
            int* terms = (int*)packed + column;
            int z = zero + (signed ? Flip : 0);
            for (int j = 0; z != 0 && j < width; j += Vector<int>.Count)
            {
                var less = Vector.Load(terms + j) * z;
                for (int i = j; i < count; i += width) (Vector.Load(sums + i) - less).Store(sums + i);
            }
            store.Store(sums, width, row, row, rows, column, used);
        }

        // Counts are multiples of 16.
        private static void Shift(int* sums, int count, int by)
        {
            if (by == 0) return;
            for (int i = 0; i < count; i += Vector<int>.Count) Vector.ShiftLeft(Vector.Load(sums + i), by).Store(sums + i);
        }
    }
}
