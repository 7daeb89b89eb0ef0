using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class GemmNmU8S8
{
    /// <summary>Bytes of packed B: the panels, and the sum of every column.</summary>
    public static long PackedLength(NmForm form, int k, int n) => Checked.Mul(GemmU8S8.Columns(n), Checked.Add(form.Depth(form.Quads(k)), sizeof(int)));

    /// <summary>
    /// Packs B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/>, less its zero points (none, one or n), which must leave s8 values. False where
    /// a column is not of the form.
    /// </summary>
    public static bool PackB(NmForm form, ReadOnlySpan<byte> b, bool signed, ReadOnlySpan<int> zeros, int k, int n, nint rowStride, nint columnStride, Span<byte> packed)
    {
        packed = packed[..Checked.Int(PackedLength(form, k, n))];
        packed.Clear();
        var run = new sbyte[k];
        fixed (byte* from = b)
        fixed (byte* to = packed)
        {
            long depth = form.Depth(form.Quads(k));
            int* sums = (int*)(to + GemmU8S8.Columns(n) * depth);
            for (int j = 0; j < n; j++)
            {
                int first = j / GemmU8S8.PanelColumns * GemmU8S8.PanelColumns, zero = zeros.Length == 0 ? 0 : zeros[zeros.Length == 1 ? 0 : j], sum = 0;
                for (int i = 0; i < k; i++)
                {
                    byte code = from[i * rowStride + j * columnStride];
                    int v = (signed ? (sbyte)code : code) - zero;
                    if (v is < sbyte.MinValue or > sbyte.MaxValue) return false;
                    run[i] = (sbyte)v;
                    sum += v;
                }
                sums[j] = sum;
                if (!form.Pack(run, to + first * depth + 4 * (j - first), 4 * GemmU8S8.PanelWidth(n, first))) return false;
            }
        }
        return true;
    }

    /// <summary>
    /// The product of A, less its one zero point, and a B packed by <see cref="PackB"/>, tile by tile into <paramref name="store"/>. Inside a parallel body
    /// pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TStore>(Workers workers, NmForm form, int m, int n, int k, in GemmU8S8.Rows a, byte* packedB, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        bool spreads = a.InPlace(k) && k % form.Window == 0 && RowSpread.Pays(a.Stride, m);
        int slab = spreads ? RowSpread.SlabRows(RowSpread.Stride(k), RowBlock) : m;
        for (int top = 0; top < m; top += slab)
        {
            var units = new PanelUnits(Math.Min(slab, m - top), n, Math.Max(1, k / 2), RowBlock, top);
            workers.For(units.Count, units.Grain, new Body<TStore>(units, form, n, k, spreads ? a.Spread(workers, top, Math.Min(slab, m - top), k) : a, packedB, store));
        }
    }

    // Whole tiles of 12 rows; a block of rows stays in the second-level cache, and as many as there often are meet a panel before the next one is fetched.
    private const int TileRows = 48, RowBlock = 3 * TileRows;

    private readonly struct Body<TStore>(PanelUnits units, NmForm form, int n, int k, GemmU8S8.Rows a, byte* b, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        private readonly int _quads = form.Quads(k);

        // Packed rows begin on other lines of a cache.
        private readonly nint _stride = ((nint)form.Quads(k) * form.Window + 63) / 64 * 64 + 64;

        public void Run(int start, int end)
        {
            const int Width = GemmU8S8.PanelColumns;
            bool inPlace = a.InPlace(k) && k % form.Window == 0;
            int* sums = (int*)Scratch.Get(sizeof(int) * TileRows * Width + (inPlace ? 0 : RowBlock * _stride));
            byte* packed = (byte*)(sums + TileRows * Width);
            for (int unit = start; unit < end; unit++)
            {
                var (row, rows, first, last) = units[unit];
                if (!inPlace) Pack(row, rows, packed);
                for (int column = first; column < last; column += Width) Panel(inPlace ? a.At(row) : packed, inPlace ? a.Stride : _stride, row, rows, column, sums);
            }
        }

        private void Pack(int row, int rows, byte* to)
        {
            a.Pack(row, rows, k, to, _stride);
            int end = GemmU8S8.Quads(k) * 4;
            for (int i = 0; i < rows; i++) new Span<byte>(to + i * _stride + end, (int)_stride - end).Clear();
        }

        private void Panel(byte* from, nint stride, int row, int rows, int column, int* sums)
        {
            int width = GemmU8S8.PanelWidth(n, column), used = Math.Min(width, n - column);
            long depth = form.Depth(_quads);
            int* start = stackalloc int[GemmU8S8.PanelColumns], of = (int*)(b + GemmU8S8.Columns(n) * depth) + column;
            // Σ(a − z)b = Σab − zΣb.
            for (int j = 0; j < width; j++) start[j] = unchecked(-a.Zero(0) * of[j]);
            var run = Table.Best;
            var t = new Tile(new() { A = from, RowStride = stride, B = (sbyte*)(b + column * depth), Start = start, C = sums, CStride = width, Columns = width, Segments = 1, Quads = _quads }, form);
            if (typeof(TStore) == typeof(Int32Store) && used == width)
            {
                // The sums are the result: they need no copy.
                ref var to = ref Unsafe.As<TStore, Int32Store>(ref Unsafe.AsRef(in store));
                t.Base.C = to.At(row, column);
                t.Base.CStride = to.Stride;
                t.Base.Rows = rows;
                run(t);
                return;
            }
            for (int i = 0; i < rows; i += TileRows, t.Base.A += TileRows * stride)
            {
                t.Base.Rows = Math.Min(TileRows, rows - i);
                run(t);
                store.Store(sums, width, row + i, row + i, t.Base.Rows, column, used);
            }
        }
    }
}
