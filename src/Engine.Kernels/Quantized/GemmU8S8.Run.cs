using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public static unsafe partial class GemmU8S8
{
    /// <summary>
    /// The product of A, less its zero points, and a B packed by <see cref="PackB"/>, less its, tile by tile into <paramref name="store"/>.
    /// Inside a parallel body pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in Rows a, byte* packedB, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        bool spreads = a.InPlace(k) && RowSpread.Pays(a.Stride, m);
        int slab = spreads ? RowSpread.SlabRows(RowSpread.Stride(k), PanelUnits.RowBlock) : m;
        for (int top = 0; top < m; top += slab)
        {
            var units = new PanelUnits(Math.Min(slab, m - top), n, k, top: top);
            workers.For(units.Count, units.Grain, new Body<TStore>(units, n, k, spreads ? a.Spread(workers, top, Math.Min(slab, m - top), k) : a, packedB, store));
        }
    }

    private readonly struct Body<TStore>(PanelUnits units, int n, int k, Rows a, byte* b, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        // Packed rows begin on other lines of a cache.
        private readonly nint _stride = (Quads(k) * (nint)4 + 63) / 64 * 64 + 64;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var columns = new ColumnTerms(b, k, n);
            bool inPlace = a.InPlace(k), zeros = new Span<int>(columns.Zeros, n).ContainsAnyExcept(0), sameStart = a.OneZero && !zeros;
            // Blocks of scratch begin on whole cache lines, which the stack does not.
            int* sums = (int*)Scratch.Get(sizeof(int) * (PanelUnits.TileRows * PanelUnits.TileColumns + PanelUnits.MostColumns + PanelUnits.RowBlock) + (inPlace ? 0 : PanelUnits.RowBlock * _stride));
            int* starts = sums + PanelUnits.TileRows * PanelUnits.TileColumns, rowTerms = starts + PanelUnits.MostColumns;
            byte* packed = (byte*)(rowTerms + PanelUnits.RowBlock);
            var tile = new Tile { Segments = 1, Quads = Quads(k), RowStride = inPlace ? a.Stride : _stride };
            int started = -1;
            for (int unit = start; unit < end; unit++)
            {
                var (row, rows, first, last) = units[unit];
                if (!inPlace) a.Pack(row, rows, k, packed, _stride);
                byte* from = inPlace ? a.At(row) : packed;
                if (zeros)
                    for (int i = 0; i < rows; i++) rowTerms[i] = a.Zero(row + i) * k - Sum(from + i * tile.RowStride, k);
                if (sameStart && first != started)
                {
                    // Σ(a − z)b = Σab − zΣb.
                    Start(a.Zero(0), 0, columns, first, (int)Columns(last) - first, starts);
                    started = first;
                }
                if (typeof(TStore) == typeof(Int32Store) && sameStart && last % (PanelColumns / 2) == 0)
                {
                    // The sums are the result: they need no copy.
                    ref var to = ref Unsafe.As<TStore, Int32Store>(ref Unsafe.AsRef(in store));
                    tile = tile with { A = from, B = (sbyte*)b + (nint)first * 4 * tile.Quads, Start = starts, C = to.At(row, first), CStride = to.Stride, Rows = rows, Columns = last - first };
                    Table.Best(tile);
                    continue;
                }
                for (int column = first; column < last; column += PanelUnits.TileColumns)
                {
                    int used = Math.Min(PanelUnits.TileColumns, last - column), width = (int)Columns(used);
                    tile = tile with { A = from, B = (sbyte*)b + (nint)column * 4 * tile.Quads, Start = starts + column - first, C = sums, CStride = width, Columns = width };
                    for (int i = 0; i < rows; i += PanelUnits.TileRows, tile.A += PanelUnits.TileRows * tile.RowStride)
                    {
                        tile.Rows = Math.Min(PanelUnits.TileRows, rows - i);
                        if (!sameStart)
                        {
                            // Σ(a − z)(b − y) = Σab − zΣb + y(kz − Σa).
                            for (int r = 0; r < tile.Rows; r++) Start(a.Zero(row + i + r), zeros ? rowTerms[i + r] : 0, columns, column, width, sums + r * width);
                            tile.Start = sums;
                            tile.StartStride = width;
                        }
                        Table.Best(tile);
                        store.Store(sums, width, row + i, row + i, tile.Rows, column, used);
                    }
                }
            }
        }

        // −zero · sum of a column + term · its zero point; counts are multiples of 16.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Start(int zero, int term, ColumnTerms columns, int column, int count, int* to)
        {
            for (int j = 0; j < count; j += Vector<int>.Count)
                (Vector.Load(columns.Zeros + column + j) * term - Vector.Load(columns.Sums + column + j) * zero).Store(to + j);
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
