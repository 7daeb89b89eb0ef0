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

    /// <summary>Keeps the largest scores; of equal ones the earlier.</summary>
    public static void Largest(ReadOnlySpan<float> scores, int keep, Span<bool> kept)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            int larger = 0;
            for (int j = 0; j < scores.Length; j++) if (scores[j] > scores[i] || scores[j] == scores[i] && j < i) larger++;
            kept[i] = larger < keep;
        }
    }

    private static bool[] Grouped(Layer layer, Sparsity sparsity, float[] scores)
    {
        bool[] mask = new bool[scores.LongLength];
        int[][] runs = ColumnOrder.Channels(layer.Columns, layer.Taps, sparsity.M);
        Span<float> of = stackalloc float[sparsity.M];
        Span<bool> kept = stackalloc bool[sparsity.M];
        for (int r = 0; r < layer.Rows; r++)
            foreach (int[] run in runs)
            {
                long row = (long)r * layer.Columns;
                for (int i = 0; i < run.Length; i++) of[i] = scores[row + run[i]];
                Largest(of[..run.Length], sparsity.N, kept);
                for (int i = 0; i < run.Length; i++) mask[row + run[i]] = kept[i];
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
        float[] sorted = [.. scores];
        Array.Sort(sorted);
        float least = keep > 0 ? sorted[^keep] : float.PositiveInfinity;
        int equal = keep - scores.Count(v => v > least);
        bool[] mask = new bool[scores.Length];
        for (int i = 0; i < mask.Length; i++) mask[i] = scores[i] > least || scores[i] == least && equal-- > 0;
        return mask;
    }
}
