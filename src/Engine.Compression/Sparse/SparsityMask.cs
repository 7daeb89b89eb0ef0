using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Which weights of a layer stay.</summary>
internal static class SparsityMask
{
    /// <summary>True where a weight [rows, columns] stays: those of the largest scores. Of equal ones the earlier stay.</summary>
    public static bool[] Of(Layer layer, Sparsity sparsity, float[] scores) => sparsity.IsGrouped ? Grouped(layer, sparsity, scores) : sparsity.IsBlocks ? Blocks(layer, sparsity, scores) : Most(scores, sparsity.Zeros);

    /// <summary>Squares of the weights: what magnitude alone keeps.</summary>
    public static float[] Magnitudes(float[] w) => Array.ConvertAll(w, v => v * v);

    /// <summary>The weights that stay, zeros elsewhere.</summary>
    public static float[] Apply(bool[] mask, float[] w)
    {
        var y = new float[w.LongLength];
        for (long i = 0; i < y.LongLength; i++) if (mask[i]) y[i] = w[i];
        return y;
    }

    private static bool[] Grouped(Layer layer, Sparsity sparsity, float[] scores)
    {
        bool[] mask = new bool[scores.LongLength];
        int[][] runs = ColumnOrder.Channels(layer.Columns, layer.Taps, sparsity.M);
        for (int r = 0; r < layer.Rows; r++)
        {
            long row = (long)r * layer.Columns;
            foreach (int[] run in runs)
                foreach (int k in run.OrderByDescending(k => scores[row + k]).Take(sparsity.N)) mask[row + k] = true;
        }
        return mask;
    }

    private static bool[] Blocks(Layer layer, Sparsity sparsity, float[] scores)
    {
        int across = (int)Checked.CeilDiv(layer.Columns, sparsity.Width), down = (int)Checked.CeilDiv(layer.Rows, sparsity.Height);
        var sums = new float[Checked.Int((long)across * down)];
        int BlockOf(int r, int k) => r / sparsity.Height * across + k / sparsity.Width;
        for (int r = 0, i = 0; r < layer.Rows; r++)
            for (int k = 0; k < layer.Columns; k++, i++) sums[BlockOf(r, k)] += scores[i];
        bool[] blocks = Most(sums, sparsity.Zeros), mask = new bool[scores.LongLength];
        for (int r = 0, i = 0; r < layer.Rows; r++)
            for (int k = 0; k < layer.Columns; k++, i++) mask[i] = blocks[BlockOf(r, k)];
        return mask;
    }

    private static bool[] Most(float[] scores, double zeros)
    {
        int keep = (int)Math.Round(scores.Length * (1 - zeros));
        int[] order = [.. Enumerable.Range(0, scores.Length)];
        // Earlier ones first among equals: an unstable sort of the scores alone would not say which.
        Array.Sort(order, (a, b) => scores[a] != scores[b] ? scores[b].CompareTo(scores[a]) : a.CompareTo(b));
        bool[] mask = new bool[scores.Length];
        foreach (int i in order.AsSpan(0, keep)) mask[i] = true;
        return mask;
    }
}
