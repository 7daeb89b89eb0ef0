using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class GemmNmF32
{
    // Quads of a panel that stay in the second-level cache, with those of a block of rows: whole records of every form.
    private const int CachedQuads = 128;

    /// <summary>
    /// C = A·B with B packed by <see cref="PackB"/>; columns of A lie side by side, rows <paramref name="rowStride"/> floats apart, rows of C <paramref name="ldc"/>.
    /// Inside a parallel body pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TEpilogue>(Workers workers, NmForm form, int m, int n, int k, float* a, nint rowStride, float* packed, float* c, nint ldc, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue
    {
        if (m == 0 || n == 0) return;
        var units = new PanelUnits(m, n, k);
        workers.For(units.Count, units.Grain, new Body<TEpilogue>(units, form, n, k, a, rowStride, packed, c, ldc, epilogue));
    }

    private readonly struct Body<TEpilogue>(PanelUnits units, NmForm form, int n, int k, float* a, nint rowStride, float* b, float* c, nint ldc, TEpilogue epilogue) : IParallelBody where TEpilogue : struct, IGemmEpilogue
    {
        private readonly int _quads = form.Quads(k), _stride = form.Quads(k) * form.Window;

        public void Run(int start, int end)
        {
            // Windows are read whole.
            bool inPlace = k == _stride;
            float* edge = (float*)Scratch.Get(sizeof(float) * (PanelUnits.TileRows * PanelColumns + (inPlace ? 0 : (long)PanelUnits.RowBlock * _stride))), copy = edge + PanelUnits.TileRows * PanelColumns;
            for (int unit = start; unit < end; unit++)
            {
                var (row, rows, first, last) = units[unit];
                float* from = inPlace ? a + row * rowStride : copy;
                for (int i = 0; !inPlace && i < rows; i++)
                {
                    new ReadOnlySpan<float>(a + (row + i) * rowStride, k).CopyTo(new Span<float>(copy + (nint)i * _stride, k));
                    new Span<float>(copy + (nint)i * _stride + k, _stride - k).Clear();
                }
                for (int column = first; column < last; column += PanelColumns) Panel(from, inPlace ? rowStride : _stride, row, rows, column, edge);
            }
        }

        private void Panel(float* from, nint stride, int row, int rows, int column, float* edge)
        {
            var tile = Table.Best;
            int width = PanelWidth(n, column), used = Math.Min(width, n - column);
            // A partial panel goes through memory of its own, all of its sums at once.
            int cached = used < width || rows == 1 ? Math.Max(1, _quads) : CachedQuads;
            float* panel = b + column * Depth(form, _quads);
            for (int q = 0; q == 0 || q < _quads; q += cached)
            {
                bool last = q + cached >= _quads;
                for (int i = 0; i < rows; i += PanelUnits.TileRows)
                {
                    int count = Math.Min(PanelUnits.TileRows, rows - i);
                    float* to = c + (row + i) * ldc + column;
                    bool whole = used == width;
                    tile(new(form, from + i * stride + (nint)q * form.Window, stride, count, panel + Depth(form, q) * width, width, Math.Min(cached, _quads - q), whole ? to : edge, whole ? ldc : width, q > 0));
                    for (int r = 0; !whole && r < count; r++) new ReadOnlySpan<float>(edge + r * width, used).CopyTo(new Span<float>(to + r * ldc, used));
                    if (!last || epilogue.IsEmpty) continue;
                    for (int r = 0; r < count; r++) epilogue.Apply(row + i + r, column, new Span<float>(to + r * ldc, used));
                }
            }
        }
    }
}
