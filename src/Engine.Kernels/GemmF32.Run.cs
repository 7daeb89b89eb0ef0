namespace Engine.Kernels;

public static unsafe partial class GemmF32
{
    /// <summary>
    /// Indices count 16 columns of a block of rows, so that parts are equal in work; a panel is done by the part that its middle falls in.
    /// </summary>
    private readonly struct RunBody<TEpilogue>(int m, int n, int k, float* a, nint rowStride, nint columnStride, float* packed, int packedK, int packedN, float* c, nint ldc, TEpilogue epilogue) : IParallelBody
        where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var tile = Table.Best;
            float* edge = stackalloc float[TileRows * PanelColumns];
            int lanes = (n + LaneColumns - 1) / LaneColumns, blocks = (m + RowBlock - 1) / RowBlock;
            // The larger operand is walked once, the smaller one again and again.
            if (n >= m)
                for (int panel = start / (PanelLanes * blocks), first; panel * PanelLanes < lanes && (first = panel * PanelLanes * blocks) < end; panel++)
                {
                    int width = Math.Min(PanelLanes, lanes - panel * PanelLanes), stop = Math.Min(blocks, From(end - first, width));
                    for (int block = From(start - first, width); block < stop; block++) Block(tile, edge, block, panel);
                }
            else
                for (int block = start / lanes; block < blocks && block * lanes < end; block++)
                    for (int panel = 0; panel * PanelLanes < lanes; panel++)
                    {
                        int middle = block * lanes + panel * PanelLanes + Math.Min(PanelLanes, lanes - panel * PanelLanes) / 2;
                        if (middle >= start && middle < end) Block(tile, edge, block, panel);
                    }
        }

        // The first of things side by side, each of a width, whose middle is not before an index.
        private static int From(int index, int width) => Math.Max(0, (index - width / 2 + width - 1) / width);

        private void Block(TileFn tile, float* edge, int block, int panel) => Block(tile, edge, block * RowBlock, Math.Min(m, (block + 1) * RowBlock), panel * PanelColumns);

        private void Block(TileFn tile, float* edge, int rowStart, int rowEnd, int column)
        {
            int width = PanelWidth(packedN, column), used = Math.Min(width, n - column);
            for (int k0 = 0; k0 == 0 || k0 < k; k0 += KBlock)
            {
                int depth = Math.Min(KBlock, k - k0);
                bool last = k0 + depth >= k;
                float* b = packed + (nint)column * packedK + (nint)k0 * width;
                for (int row = rowStart; row < rowEnd;)
                {
                    int rows = Math.Min(TileRows, rowEnd - row);
                    // Below half a tile, one row at a time wastes less.
                    if (rows < HalfRows) rows = 1;
                    float* from = a + row * rowStride + k0 * columnStride, to = c + row * ldc + column;
                    // Packed B lies in the order of its use: what comes next begins where this block ends. The first tiles fetch it, depth lines each.
                    int share = (row - rowStart) / TileRows;
                    float* next = share < width / CacheLine ? b + (nint)depth * width + (nint)share * depth * CacheLine : null;
                    if (used == width && rows is 1 or HalfRows or TileRows) tile(new(from, rowStride, columnStride, rows, b, width, depth, to, ldc, k0 > 0, next));
                    else
                    {
                        tile(new(from, rowStride, columnStride, rows, b, width, depth, edge, width, false));
                        Merge(edge, width, rows, used, to, k0 > 0);
                    }
                    if (last && !epilogue.IsEmpty)
                        for (int i = 0; i < rows; i++) epilogue.Apply(row + i, column, new Span<float>(to + i * ldc, used));
                    row += rows;
                }
            }
        }

        private void Merge(float* edge, int width, int rows, int used, float* to, bool accumulate)
        {
            for (int i = 0; i < rows; i++, edge += width, to += ldc)
                if (!accumulate) new ReadOnlySpan<float>(edge, used).CopyTo(new Span<float>(to, used));
                else
                    for (int j = 0; j < used; j++) to[j] += edge[j];
        }
    }
}
