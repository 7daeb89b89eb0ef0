using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// y[i, r] = Σk w[r, k] · x[i, k] for a packed low-bit weight and f32 activations: of 8 bits with a scale a group
/// (<see cref="RunInt8"/>), or as they are (<see cref="RunF32"/>). Any number of threads gives the same bits.
/// </summary>
public static unsafe class LowBitProduct
{
    // From so many rows on, expanding a panel once costs less than reading its fields for every row.
    private const int FewestTileRows = 4;

    // Rows that meet a chunk of a panel while it is in the cache.
    private const int RowBlock = 16 * LowBitTile.Rows;

    // Columns of the weight decoded at once: 32 KiB of f32.
    private const int DecodedColumns = 256;

    private const int Alignment = 64;

    /// <summary>The kernel that <see cref="RunInt8"/> spends its time in.</summary>
    public static string Stem(in LowBitLayout l, int rows) => rows < FewestTileRows ? LowBitGemv.Table.Stem : LowBitTile.TableOf(l).Stem;

    /// <summary>Bytes of workspace that <see cref="RunInt8"/> takes for <paramref name="rows"/> rows of activations.</summary>
    public static long WorkBytes(in LowBitLayout l, int rows) => Checked.Mul(rows + LowBitTile.Rows, l.PaddedColumns + 8L * l.Blocks) + 3 * Alignment;

    /// <summary>
    /// Codes, scales and sums of all rows: row by row, or from <see cref="FewestTileRows"/> on tile by tile, the rows of a tile side by side.
    /// </summary>
    private readonly struct Work
    {
        private readonly int _columns, _blocks;
        private readonly LowBitActivations _all;

        public Work(in LowBitLayout l, int rows, byte* work)
        {
            (_columns, _blocks, Pitch) = (l.PaddedColumns, l.Blocks, rows < FewestTileRows ? 1 : LowBitTile.Rows);
            long padded = Checked.AlignUp(rows, Pitch);
            float* scales = (float*)(work + Checked.AlignUp(padded * _columns, Alignment));
            _all = new((sbyte*)work, scales, (int*)scales + padded * _blocks);
        }

        /// <summary>Rows side by side.</summary>
        public int Pitch { get; }

        /// <summary>From a tile to the next: bytes of codes, elements of scales.</summary>
        public nint CodesStride => (nint)Pitch * _columns;

        /// <inheritdoc cref="CodesStride"/>
        public nint ScalesStride => (nint)Pitch * _blocks;

        /// <summary>The tile that begins with row <paramref name="first"/>, from a block on.</summary>
        public LowBitActivations At(int first, int block, int blockColumns) =>
            new(_all.Codes + (nint)first * _columns + (nint)block * blockColumns * Pitch, _all.Scales + (nint)first * _blocks + (nint)block * Pitch, _all.Sums + (nint)first * _blocks + (nint)block * Pitch);
    }

    /// <summary>
    /// With activations of 8 bits, a scale a group or every 128 columns where groups are longer. Rows of x are <paramref name="rowStride"/>
    /// floats apart and of y <paramref name="stride"/>; column k of the weight meets element <c>order[k]</c> of a row where an order is given.
    /// </summary>
    public static void RunInt8<TEpilogue>(Workers workers, in LowBitLayout l, byte* packed, int rows, float* x, nint rowStride, int* order, byte* work, float* y, nint stride, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (rows == 0 || l.Rows == 0) return;
        var w = new Work(l, rows, work);
        workers.For((rows + w.Pitch - 1) / w.Pitch, Math.Max(1, 32768 / Math.Max(1, l.Columns * w.Pitch)), new QuantizeBody(l, rows, x, rowStride, order, w));
        var body = new Int8Body<TEpilogue>(l, packed + LowBitLayout.HeadBytes, rows, w, y, stride, epilogue);
        workers.For(Checked.Int((long)l.Panels * body.RowBlocks), Grain(l, Math.Min(rows, RowBlock)), body);
    }

    /// <summary>With activations as they are: exact but for the rounding of f32 sums. Parameters are those of <see cref="RunInt8"/>.</summary>
    public static void RunF32<TEpilogue>(Workers workers, in LowBitLayout l, byte* packed, int rows, float* x, nint rowStride, nint columnStride, float* y, nint stride, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (rows == 0 || l.Rows == 0) return;
        var body = new F32Body<TEpilogue>(l, packed, rows, x, rowStride, columnStride, y, stride, epilogue);
        workers.For(l.Panels, Grain(l, rows), body);
    }

    /// <summary>Rows of activations with column k taken from column <c>order[k]</c>.</summary>
    public static void Order(Workers workers, int rows, int columns, float* x, nint rowStride, nint columnStride, int* order, float* y) =>
        workers.For(rows, Math.Max(1, 32768 / Math.Max(1, columns)), new OrderBody(columns, x, rowStride, columnStride, order, y));

    private readonly struct OrderBody(int columns, float* x, nint rowStride, nint columnStride, int* order, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
                for (int k = 0; k < columns; k++) y[(nint)i * columns + k] = x[i * rowStride + order[k] * columnStride];
        }
    }

    // Some ten microseconds.
    private static int Grain(in LowBitLayout l, int rows) => (int)Math.Clamp(2_000_000 / Math.Max(1, (double)LowBitLayout.PanelRows * l.Columns * rows), 1, 1 << 20);

    private readonly struct QuantizeBody(LowBitLayout l, int rows, float* x, nint rowStride, int* order, Work work) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var quantize = QuantizeRows.Table.Best;
            int columns = l.PaddedColumns, blocks = l.Blocks, pitch = work.Pitch;
            byte* memory = Scratch.Get((long)columns * sizeof(float) + columns + 8L * blocks);
            float* ordered = (float*)memory;
            var row = new LowBitActivations((sbyte*)(ordered + columns + 2 * blocks), ordered + columns, (int*)ordered + columns + blocks);
            for (int tile = start; tile < end; tile++)
            {
                var to = work.At(tile * pitch, 0, l.Block);
                for (int i = 0; i < pitch; i++)
                {
                    var one = pitch == 1 ? to : row;
                    if (tile * pitch + i < rows) Row(l, quantize, Ordered(x + (tile * pitch + i) * rowStride, ordered), one.Codes, one.Scales, one.Sums);
                    // Rows that are missing in a tile are zero.
                    else Clear(one, columns, blocks);
                    if (pitch > 1) Interleave(row, to, i, columns, blocks);
                }
            }
        }

        private float* Ordered(float* row, float* ordered)
        {
            if (order == null) return row;
            for (int k = 0; k < l.Columns; k++) ordered[k] = row[order[k]];
            return ordered;
        }

        private static void Clear(LowBitActivations x, int columns, int blocks)
        {
            new Span<sbyte>(x.Codes, columns).Clear();
            new Span<float>(x.Scales, blocks).Clear();
            new Span<int>(x.Sums, blocks).Clear();
        }

        private static void Interleave(LowBitActivations row, LowBitActivations to, int i, int columns, int blocks)
        {
            int* from = (int*)row.Codes, codes = (int*)to.Codes + i;
            for (int k = 0; k < columns / 4; k++) codes[k * LowBitTile.Rows] = from[k];
            for (int b = 0; b < blocks; b++) (to.Scales[b * LowBitTile.Rows + i], to.Sums[b * LowBitTile.Rows + i]) = (row.Scales[b], row.Sums[b]);
        }

        private static void Row(in LowBitLayout l, QuantizeRows.Fn quantize, float* x, sbyte* codes, float* scales, int* sums)
        {
            // Groups of the weight that are no multiple of those of activations begin one anew.
            for (int group = 0; group < l.Blocks; group += l.GroupBlocks)
                for (int b = group, end = Math.Min(l.Blocks, group + l.GroupBlocks); b < end;)
                {
                    int blocks = Math.Min(l.ActivationBlocks, end - b), column = b * l.Block;
                    float scale = quantize(x + column, Math.Min(l.Columns - column, blocks * l.Block), blocks * l.Block, l.Block, l.SumFactor, codes + column, sums + b);
                    for (int last = b + blocks; b < last; b++) scales[b] = scale;
                }
        }
    }

    private readonly struct Int8Body<TEpilogue>(LowBitLayout l, byte* panels, int rows, Work work, float* y, nint stride, TEpilogue epilogue) : IParallelBody
        where TEpilogue : struct, IGemmEpilogue
    {
        public int RowBlocks => (rows + RowBlock - 1) / RowBlock;

        public void Run(int start, int end)
        {
            float* sums = (float*)Scratch.Outer(sizeof(float) * RowBlock * LowBitLayout.PanelRows);
            for (int unit = start; unit < end; unit++)
            {
                int panel = unit % l.Panels, first = unit / l.Panels * RowBlock;
                byte* from = panels + panel * l.PanelBytes;
                if (rows < FewestTileRows) Rows(from, panel, sums);
                else Block(from, panel, first, Math.Min(rows, first + RowBlock), sums);
            }
        }

        private void Rows(byte* panel, int index, float* edge)
        {
            var gemv = LowBitGemv.Table.Best;
            int column = index * LowBitLayout.PanelRows, used = Math.Min(LowBitLayout.PanelRows, l.Rows - column);
            for (int i = 0; i < rows; i++)
            {
                float* to = y + i * stride + column;
                var x = work.At(i, 0, l.Block);
                if (used == LowBitLayout.PanelRows) gemv(l, panel, x, to);
                else
                {
                    gemv(l, panel, x, edge);
                    new ReadOnlySpan<float>(edge, used).CopyTo(new Span<float>(to, used));
                }
                if (!epilogue.IsEmpty) epilogue.Apply(i, column, new Span<float>(to, used));
            }
        }

        // Sums stay in memory of their own until they are whole: rows of y are often a power of two apart, so that they drive each other out of a cache.
        private void Block(byte* panel, int index, int first, int end, float* sums)
        {
            var (expand, tile) = (LowBitExpand.Table.Best, LowBitTile.TableOf(l).Best);
            var chunk = LowBitExpand.Scratch(l);
            int column = index * LowBitLayout.PanelRows, used = Math.Min(LowBitLayout.PanelRows, l.Rows - column), count = end - first;
            int tiles = (count + LowBitTile.Rows - 1) / LowBitTile.Rows;
            for (int block = 0; block < l.Blocks; block += LowBitExpand.ChunkBlocks)
            {
                int blocks = Math.Min(LowBitExpand.ChunkBlocks, l.Blocks - block), next = block + blocks;
                expand(l, panel, block, blocks, chunk);
                // The chunk or panel after this one comes from memory while this one is multiplied.
                tile(new(l, chunk, blocks, work.At(first, block, l.Block), LowBitTile.Rows, count, sums, LowBitLayout.PanelRows, block > 0)
                {
                    CodesStride = work.CodesStride,
                    ScalesStride = work.ScalesStride,
                    Next = panel + (next < l.Blocks ? l.BlockStart(next) - l.ParameterBytes : l.PanelBytes),
                    Lines = (l.BlockBytes / 64 + l.ParameterBytes / 64 + tiles - 1) / tiles,
                });
            }
            for (int r = 0; r < count; r++, sums += LowBitLayout.PanelRows)
            {
                float* to = y + (first + r) * stride + column;
                if (l.Scales == LowBitScales.Row) LowBitTile.ScaleRows(l, panel, sums);
                Int32Store.Copy((int*)sums, (int*)to, used);
                if (!epilogue.IsEmpty) epilogue.Apply(first + r, column, new Span<float>(to, used));
            }
        }
    }

    private readonly struct F32Body<TEpilogue>(LowBitLayout l, byte* packed, int rows, float* x, nint rowStride, nint columnStride, float* y, nint stride, TEpilogue epilogue) : IParallelBody
        where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var (decode, tile) = (LowBitDecode.Table.Best, GemmF32.Table.Best);
            const int Width = LowBitLayout.PanelRows;
            float* edge = stackalloc float[GemmF32.TileRows * Width];
            float* chunk = (float*)Scratch.Get(DecodedColumns * Width * sizeof(float));
            int step = DecodedColumns / l.Block;
            for (int panel = start; panel < end; panel++)
            {
                int column = panel * Width, used = Math.Min(Width, l.Rows - column);
                byte* from = packed + LowBitLayout.HeadBytes + panel * l.PanelBytes;
                for (int block = 0; block < l.Blocks; block += step)
                {
                    int blocks = Math.Min(step, l.Blocks - block), k = block * l.Block, depth = Math.Min(blocks * l.Block, l.Columns - k);
                    bool last = block + blocks == l.Blocks;
                    decode(l, (float*)packed, from, block, blocks, chunk);
                    for (int i = 0; i < rows;)
                    {
                        int count = Math.Min(GemmF32.TileRows, rows - i);
                        if (count < GemmF32.TileRows / 2) count = 1;
                        float* a = x + i * rowStride + k * columnStride, to = y + i * stride + column;
                        if (used == Width && count is 1 or GemmF32.TileRows) tile(new(a, rowStride, columnStride, count, chunk, Width, depth, to, stride, block > 0));
                        else
                        {
                            tile(new(a, rowStride, columnStride, count, chunk, Width, depth, edge, Width, false));
                            Merge(edge, to, stride, count, used, block > 0);
                        }
                        if (last && !epilogue.IsEmpty)
                            for (int r = 0; r < count; r++) epilogue.Apply(i + r, column, new Span<float>(to + r * stride, used));
                        i += count;
                    }
                }
            }
        }

        private static void Merge(float* edge, float* to, nint stride, int count, int used, bool accumulate)
        {
            for (int r = 0; r < count; r++, edge += LowBitLayout.PanelRows, to += stride)
                for (int j = 0; j < used; j++) to[j] = accumulate ? to[j] + edge[j] : edge[j];
        }
    }
}
