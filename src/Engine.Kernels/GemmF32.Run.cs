namespace Engine.Kernels;

public static unsafe partial class GemmF32
{
    /// <summary>Units are a block of rows times a panel of columns.</summary>
    private readonly struct RunBody<TEpilogue>(int m, int n, int k, float* a, nint rowStride, nint columnStride, float* packed, float* c, nint ldc, TEpilogue epilogue) : IParallelBody
        where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var tile = Table.Best;
            float* edge = stackalloc float[TileRows * PanelColumns];
            int panels = (n + PanelColumns - 1) / PanelColumns, blocks = (m + RowBlock - 1) / RowBlock;
            for (int unit = start; unit < end; unit++)
            {
                // The larger operand is walked once, the smaller one again and again.
                var (panel, block) = n >= m ? (unit / blocks, unit % blocks) : (unit % panels, unit / panels);
                Block(tile, edge, block * RowBlock, Math.Min(m, (block + 1) * RowBlock), panel * PanelColumns);
            }
        }

        private void Block(TileFn tile, float* edge, int rowStart, int rowEnd, int column)
        {
            int width = PanelWidth(n, column), used = Math.Min(width, n - column);
            for (int k0 = 0; k0 == 0 || k0 < k; k0 += KBlock)
            {
                int depth = Math.Min(KBlock, k - k0);
                bool last = k0 + depth >= k;
                float* b = packed + (nint)column * k + (nint)k0 * width;
                for (int row = rowStart; row < rowEnd;)
                {
                    int rows = Math.Min(TileRows, rowEnd - row);
                    // Below half a tile, one row at a time wastes less.
                    if (rows < TileRows / 2) rows = 1;
                    float* from = a + row * rowStride + k0 * columnStride, to = c + row * ldc + column;
                    // Packed B lies in the order of its use: what comes next begins where this block ends. The first tiles fetch it, depth lines each.
                    int share = (row - rowStart) / TileRows;
                    float* next = share < width / CacheLine ? b + (nint)depth * width + (nint)share * depth * CacheLine : null;
                    if (used == width && rows is 1 or TileRows) tile(new(from, rowStride, columnStride, rows, b, width, depth, to, ldc, k0 > 0, next));
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
                for (int j = 0; j < used; j++) to[j] = accumulate ? to[j] + edge[j] : edge[j];
        }
    }
}
