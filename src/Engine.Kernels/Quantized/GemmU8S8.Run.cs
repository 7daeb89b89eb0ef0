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
        var units = new PanelUnits(m, n, k);
        workers.For(units.Count, units.Grain, new Body<TStore>(units, n, k, a, packedB, store));
    }

    private readonly struct Body<TStore>(PanelUnits units, int n, int k, Rows a, byte* b, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        // Packed rows begin on other lines of a cache.
        private readonly nint _stride = (Quads(k) * (nint)4 + 63) / 64 * 64 + 64;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            bool inPlace = a.InPlace(k), zeros = new Span<int>(new ColumnTerms(b, k, n).Zeros, n).ContainsAnyExcept(0);
            // Blocks of scratch begin on whole cache lines, which the stack does not.
            int* sums = (int*)Scratch.Get(sizeof(int) * (PanelUnits.TileRows * PanelColumns + PanelUnits.RowBlock) + (inPlace ? 0 : PanelUnits.RowBlock * _stride)), rowTerms = sums + PanelUnits.TileRows * PanelColumns;
            byte* packed = (byte*)(rowTerms + PanelUnits.RowBlock);
            for (int unit = start; unit < end; unit++)
            {
                var (row, rows, first, last) = units[unit];
                if (!inPlace) a.Pack(row, rows, k, packed, _stride);
                byte* from = inPlace ? a.At(row) : packed;
                nint stride = inPlace ? a.Stride : _stride;
                if (zeros)
                    for (int i = 0; i < rows; i++) rowTerms[i] = a.Zero(row + i) * k - Sum(from + i * stride, k);
                for (int column = first; column < last; column += PanelColumns)
                    Panel(from, stride, row, rows, column, sums, zeros ? rowTerms : null);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Panel(byte* from, nint stride, int row, int rows, int column, int* sums, int* rowTerms)
        {
            int width = PanelWidth(n, column), used = Math.Min(width, n - column);
            int* start = stackalloc int[PanelColumns];
            var columns = new ColumnTerms(b, k, n);
            // Σ(a − z)b = Σab − zΣb.
            for (int j = 0; j < width; j++) start[j] = unchecked(-a.Zero(0) * columns.Sums[column + j]);
            var run = Table.Best;
            var tile = new Tile { A = from, RowStride = stride, B = (sbyte*)b + (nint)column * 4 * Quads(k), Start = start, C = sums, CStride = width, Columns = width, Segments = 1, Quads = Quads(k) };
            if (typeof(TStore) == typeof(Int32Store) && used == width && a.OneZero && rowTerms == null)
            {
                // The sums are the result: they need no copy.
                ref var to = ref Unsafe.As<TStore, Int32Store>(ref Unsafe.AsRef(in store));
                tile.C = to.At(row, column);
                tile.CStride = to.Stride;
                tile.Rows = rows;
                run(tile);
                return;
            }
            for (int i = 0; i < rows; i += PanelUnits.TileRows, tile.A += PanelUnits.TileRows * stride)
            {
                tile.Rows = Math.Min(PanelUnits.TileRows, rows - i);
                if (!a.OneZero || rowTerms != null)
                {
                    Start(row + i, tile.Rows, column, width, sums, rowTerms == null ? null : rowTerms + i);
                    tile.Start = sums;
                    tile.StartStride = width;
                }
                run(tile);
                store.Store(sums, width, row + i, row + i, tile.Rows, column, used);
            }
        }

        // Σ(a − z)(b − y) = Σab − zΣb + y(kz − Σa).
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Start(int row, int rows, int column, int width, int* sums, int* rowTerms)
        {
            var columns = new ColumnTerms(b, k, n);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < width; j++)
                    sums[i * width + j] = unchecked(-a.Zero(row + i) * columns.Sums[column + j] + (rowTerms == null ? 0 : rowTerms[i] * columns.Zeros[column + j]));
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
