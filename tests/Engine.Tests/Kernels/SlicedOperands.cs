using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Weights of signs for tests.</summary>
internal static class SlicedOperands
{
    /// <summary>Rows of which each is like an earlier one in so many percent of its columns, and in half of the others; sometimes the same, or constant.</summary>
    public static Binary Weight(Random r, Shape shape, int percentAlike)
    {
        int rows = (int)shape[0], columns = (int)(shape.Elements / rows), words = (columns + 63) / 64;
        var t = Tensor.Allocate(DType.U64, new Shape(rows, words));
        t.Bytes.Clear();
        var w = t.Span<ulong>();
        for (int j = 0; j < rows; j++)
        {
            int from = j == 0 ? 0 : r.Next(j), kind = r.Next(10);
            for (int i = 0; i < columns; i++)
            {
                int bit = kind switch { 0 => 0, 1 => 1, 2 => Get(w, words, from, i), _ => r.Next(100) < percentAlike ? Get(w, words, from, i) : r.Next(2) };
                if (bit != 0) w[j * words + i / 64] |= 1ul << (i % 64);
                else w[j * words + i / 64] &= ~(1ul << (i % 64));
            }
        }
        return new(shape, t);
    }

    /// <summary>The signs, row by row.</summary>
    public static int[] Signs(Binary w) => [.. Enumerable.Range(0, w.Rows * w.Columns).Select(i => 1 - 2 * Get(w.Words.Span<ulong>(), w.WordsPerRow, i / w.Columns, i % w.Columns))];

    private static int Get(ReadOnlySpan<ulong> w, int words, int row, int column) => (int)(w[row * words + column / 64] >> (column % 64)) & 1;
}
