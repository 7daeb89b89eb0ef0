namespace Engine.Kernels;

public static unsafe partial class GemmF32
{
    /// <summary>Units are a block of rows times a panel of columns.</summary>
    private readonly struct RunBody<TEpilogue>(bool pack, int rowBlock, int m, int n, int k, float* a, nint rowStride, nint columnStride, float* packed, float* c, nint ldc, TEpilogue epilogue) : IParallelBody
        where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var tile = Table.Best;
            float* edge = stackalloc float[TileRows * PanelColumns];
            int panels = (n + PanelColumns - 1) / PanelColumns, blocks = (m + rowBlock - 1) / rowBlock;
            if (pack)
            {
                float* rows = (float*)Scratch.Rows((long)PackedRowBlock * KBlock * sizeof(float));
                for (int unit = start; unit < end;)
                {
                    int block = unit / panels, first = unit % panels, last = Math.Min(panels, first + end - unit);
                    Packed(tile, edge, rows, block * rowBlock, Math.Min(m, (block + 1) * rowBlock), first, last);
                    unit += last - first;
                }
                return;
            }
            for (int unit = start; unit < end; unit++)
            {
                // The larger operand is walked once, the smaller one again and again.
                var (panel, block) = n >= m ? (unit / blocks, unit % blocks) : (unit % panels, unit / panels);
                for (int k0 = 0; k0 == 0 || k0 < k; k0 += KBlock)
                    Rows(tile, edge, a + (nint)block * rowBlock * rowStride + k0 * columnStride, rowStride, columnStride, block * rowBlock, Math.Min(m, (block + 1) * rowBlock), panel * PanelColumns, k0, Math.Min(KBlock, k - k0));
            }
        }

        /// <summary>Rows [rowStart, rowEnd), copied tile by tile as the tiles read them, times panels [first, last).</summary>
        private void Packed(TileFn tile, float* edge, float* rows, int rowStart, int rowEnd, int first, int last)
        {
            for (int k0 = 0; k0 == 0 || k0 < k; k0 += KBlock)
            {
                int depth = Math.Min(KBlock, k - k0);
                PackRows(a + rowStart * rowStride + k0 * columnStride, rowStride, columnStride, rowEnd - rowStart, depth, rows);
                for (int panel = first; panel < last; panel++) Rows(tile, edge, rows, 0, TileRows, rowStart, rowEnd, panel * PanelColumns, k0, depth);
            }
        }

        /// <summary>Rows [rowStart, rowEnd) times one panel over one block of k. Row i of A starts at <c>from[i · stride]</c>; a stride of 0 stands for tiles of packed rows.</summary>
        private void Rows(TileFn tile, float* edge, float* from, nint stride, nint step, int rowStart, int rowEnd, int column, int k0, int depth)
        {
            int width = PanelWidth(n, column), used = Math.Min(width, n - column);
            bool last = k0 + depth >= k, accumulate = k0 > 0;
            float* b = packed + (nint)column * k + (nint)k0 * width;
            for (int row = rowStart; row < rowEnd;)
            {
                int rows = Math.Min(TileRows, rowEnd - row), at = row - rowStart;
                // Below half a tile, one row at a time wastes less.
                if (rows < TileRows / 2) rows = 1;
                float* x = stride != 0 ? from + at * stride : from + (nint)(at / TileRows) * TileRows * depth + at % TileRows, to = c + row * ldc + column;
                if (used == width && rows is 1 or TileRows) tile(new(x, stride != 0 ? stride : 1, step, rows, b, width, depth, to, ldc, accumulate));
                else
                {
                    tile(new(x, stride != 0 ? stride : 1, step, rows, b, width, depth, edge, width, false));
                    Merge(edge, width, rows, used, to, accumulate);
                }
                if (last && !epilogue.IsEmpty)
                    for (int i = 0; i < rows; i++) epilogue.Apply(row + i, column, new Span<float>(to + i * ldc, used));
                row += rows;
            }
        }

        private void Merge(float* edge, int width, int rows, int used, float* to, bool accumulate)
        {
            for (int i = 0; i < rows; i++, edge += width, to += ldc)
                for (int j = 0; j < used; j++) to[j] = accumulate ? to[j] + edge[j] : edge[j];
        }
    }

    // Tiles of eight rows, in each the columns one after the other: what a register tile reads in order.
    private static void PackRows(float* from, nint rowStride, nint columnStride, int rows, int depth, float* to)
    {
        for (int row = 0; row < rows; row += TileRows, from += TileRows * rowStride, to += TileRows * depth)
        {
            int used = Math.Min(TileRows, rows - row), k = 0;
            if (used == TileRows && columnStride == 1 && TileTranspose.HasEight)
                for (; k + TileRows <= depth; k += TileRows) TileTranspose.Eight(from + k, rowStride, to + k * TileRows, TileRows);
            for (; k < depth; k++)
            {
                float* x = from + k * columnStride;
                for (int i = 0; i < used; i++) to[k * TileRows + i] = x[i * rowStride];
            }
        }
    }
}
