using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Takes finished f32 tiles of a product.</summary>
public unsafe interface IFloatTileStore
{
    /// <summary>Stores tile[<paramref name="rows"/>, <paramref name="columns"/>], whose rows are <paramref name="tileStride"/> apart.</summary>
    void Store(float* tile, nint tileStride, int row, int rows, int column, int columns);
}

/// <summary>Stores the sums as they are: f32 rows of <paramref name="stride"/>.</summary>
public readonly unsafe struct F32RowStore(float* y, nint stride) : IFloatTileStore
{
    /// <summary>Elements from a row to the next.</summary>
    internal nint Stride => stride;

    /// <summary>Where an element is stored.</summary>
    internal float* At(int row, int column) => y + row * stride + column;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(float* tile, nint tileStride, int row, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++) Int32Store.Copy((int*)(tile + i * tileStride), (int*)(y + (row + i) * stride + column), columns);
    }
}

/// <summary>Stores the sums rounded to the nearest bf16, ties to even: rows of <paramref name="stride"/>.</summary>
public readonly unsafe struct Bf16RowStore(BFloat16* y, nint stride) : IFloatTileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(float* tile, nint tileStride, int row, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            float* from = tile + i * tileStride;
            var to = (ushort*)(y + (row + i) * stride + column);
            int j = 0;
            for (; j <= columns - 16; j += 16) Vector256.Narrow(Round(from + j), Round(from + j + 8)).Store(to + j);
            for (; j < columns; j++) to[j] = ((BFloat16)from[j]).Bits;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(float* p)
    {
        var x = Vector256.Load((uint*)p);
        var rounded = x + Vector256.Create(0x7FFFu) + ((x >> 16) & Vector256<uint>.One);
        // Rounding could carry a NaN into an infinity; the quiet bit keeps it one.
        var nan = ~Vector256.Equals(x.AsSingle(), x.AsSingle()).AsUInt32();
        return Vector256.ConditionalSelect(nan, x | Vector256.Create(0x400000u), rounded) >> 16;
    }
}

public static unsafe partial class GemmBf16
{
    /// <summary>Elements of packed B.</summary>
    public static long PackedLength(int k, int n) => Checked.Mul(GemmU8S8.Columns(n), 2L * Pairs(k));

    private static int Pairs(int k) => (int)(((long)k + 1) / 2);

    /// <summary>Packs B; element (k, n) lies at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/>.</summary>
    public static void PackB(ReadOnlySpan<BFloat16> b, int k, int n, nint rowStride, nint columnStride, Span<BFloat16> packed)
    {
        fixed (BFloat16* from = b)
        fixed (BFloat16* to = packed[..Checked.Int(PackedLength(k, n))])
        {
            BFloat16* p = to;
            for (int column = 0; column < n; column += PanelColumns)
            {
                int width = GemmU8S8.PanelWidth(n, column);
                for (int i = 0; i < k; i += 2, p += 2 * width)
                    for (int j = 0; j < width; j++)
                        for (int h = 0; h < 2; h++) p[2 * j + h] = column + j < n && i + h < k ? from[(i + h) * rowStride + (column + j) * columnStride] : default;
            }
        }
    }

    /// <summary>
    /// The product of A, element (m, k) at m · <paramref name="rowStride"/> + k · <paramref name="columnStride"/>, and a packed B, tile by tile into
    /// <paramref name="store"/>; sums of column n start from <paramref name="bias"/>[n], or from 0 where it is null.
    /// </summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, BFloat16* a, nint rowStride, nint columnStride, BFloat16* packedB, float* bias, in TStore store) where TStore : struct, IFloatTileStore
    {
        if (m == 0 || n == 0) return;
        bool spreads = InPlace(k, columnStride) && RowSpread.Pays(sizeof(BFloat16) * rowStride, m);
        nint bytes = sizeof(BFloat16) * (nint)k, stride = spreads ? RowSpread.Stride(bytes) / sizeof(BFloat16) : rowStride;
        int slab = spreads ? RowSpread.SlabRows(RowSpread.Stride(bytes), PanelUnits.RowBlock) : m;
        for (int top = 0; top < m; top += slab)
        {
            int rows = Math.Min(slab, m - top);
            var from = spreads ? (BFloat16*)RowSpread.Copy(workers, (byte*)(a + top * rowStride), sizeof(BFloat16) * rowStride, rows, bytes) - top * stride : a;
            var units = new PanelUnits(rows, n, k, top: top);
            workers.For(units.Count, units.Grain, new Body<TStore>(units, k, from, stride, columnStride, packedB, bias, store));
        }
    }

    // Whole pairs.
    private static bool InPlace(int k, nint columnStride) => columnStride == 1 && k % 2 == 0;

    private readonly struct Body<TStore>(PanelUnits units, int k, BFloat16* a, nint rowStride, nint columnStride, BFloat16* b, float* bias, TStore store) : IParallelBody where TStore : struct, IFloatTileStore
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var tile = Table.Best;
            bool inPlace = InPlace(k, columnStride);
            // Packed rows begin on other lines of a cache.
            nint stride = inPlace ? rowStride : (2 * Pairs(k) + 31) / 32 * 32 + 32;
            // Blocks of scratch begin on whole cache lines, which the stack does not.
            float* sums = (float*)Scratch.Get(sizeof(float) * (PanelUnits.TileRows * PanelUnits.TileColumns + PanelUnits.MostColumns) + (inPlace ? 0 : sizeof(BFloat16) * PanelUnits.RowBlock * stride));
            float* starts = sums + PanelUnits.TileRows * PanelUnits.TileColumns;
            var packed = (BFloat16*)(starts + PanelUnits.MostColumns);
            var t = new Tile { RowStride = sizeof(BFloat16) * stride, Segments = 1, Pairs = Pairs(k) };
            for (int unit = start; unit < end; unit++)
            {
                var (row, rows, first, last) = units[unit];
                if (!inPlace) PackA(row, rows, packed, stride);
                var from = inPlace ? a + row * rowStride : packed;
                if (bias != null)
                {
                    new Span<float>(starts, PanelUnits.MostColumns).Clear();
                    new ReadOnlySpan<float>(bias + first, last - first).CopyTo(new(starts, last - first));
                }
                if (typeof(TStore) == typeof(F32RowStore) && last % (PanelColumns / 2) == 0)
                {
                    // The sums are the result: they need no copy.
                    ref var to = ref Unsafe.As<TStore, F32RowStore>(ref Unsafe.AsRef(in store));
                    t = t with { A = from, B = b + (nint)first * 2 * t.Pairs, Start = bias == null ? null : starts, C = to.At(row, first), CStride = to.Stride, Rows = rows, Columns = last - first };
                    tile(t);
                    continue;
                }
                for (int column = first; column < last; column += PanelUnits.TileColumns)
                {
                    int used = Math.Min(PanelUnits.TileColumns, last - column), width = (int)GemmU8S8.Columns(used);
                    t = t with { A = from, B = b + (nint)column * 2 * t.Pairs, Start = bias == null ? null : starts + column - first, C = sums, CStride = width, Columns = width };
                    for (int i = 0; i < rows; i += PanelUnits.TileRows, t.A += PanelUnits.TileRows * stride)
                    {
                        t.Rows = Math.Min(PanelUnits.TileRows, rows - i);
                        tile(t);
                        store.Store(sums, width, row + i, t.Rows, column, used);
                    }
                }
            }
        }

        private void PackA(int row, int rows, BFloat16* to, nint stride)
        {
            for (int i = 0; i < rows; i++, to += stride)
            {
                BFloat16* from = a + (row + i) * rowStride;
                if (columnStride == 1) new ReadOnlySpan<BFloat16>(from, k).CopyTo(new Span<BFloat16>(to, k));
                else for (int j = 0; j < k; j++) to[j] = from[j * columnStride];
                if (k % 2 != 0) to[k] = default;
            }
        }
    }
}
