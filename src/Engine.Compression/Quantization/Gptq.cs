using Engine.Kernels;

namespace Engine.Compression;

/// <summary>How error-compensated rounding works.</summary>
/// <param name="ActOrder">Columns that inputs drive most strongly are rounded first.</param>
/// <param name="Dampening">Added to the diagonal of XᵀX, as a part of its mean: keeps the factor stable where inputs are few or alike.</param>
public sealed record GptqOptions(bool ActOrder = true, double Dampening = 0.01);

/// <summary>
/// Error-compensated rounding (Frantar et al., GPTQ, 2022) and pruning (SparseGPT, 2023) of one layer: columns are met one after the other, and what a column loses is made up
/// for by the columns still to come, along H⁻¹ with H = XᵀX of calibration inputs. Scales are fixed beforehand, so that act-order needs no
/// permutation at run time.
/// </summary>
/// <param name="w">The weights [rows, columns].</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="grams">XᵀX [columns, columns] for each of the equal parts that the rows fall in.</param>
/// <param name="options">How.</param>
/// <param name="workers">Threads.</param>
internal sealed class Gptq(float[] w, int rows, int columns, IReadOnlyList<float[]> grams, GptqOptions options, Workers workers)
{
    // Columns that share a number of zeros where they lie anywhere.
    private const int Run = 64;

    // Schemes of a layer follow each other, and many have one order.
    private (int Channels, int Taps, List<(ColumnOrder Order, float[]? Factor)> Parts)? _factors;

    /// <summary>Codes of all weights.</summary>
    public CodedMatrix Round(ColumnGroups groups, Scheme scheme)
    {
        var coded = Nearest(w, groups, scheme);
        Walk(Factors(1, 1), (order, factor, first) => new() { Weights = w, Factor = factor, Order = order, First = first, Coded = coded });
        return coded;
    }

    /// <summary>N of each M channels of a tap, and what makes up for the others. <paramref name="start"/> holds what stands where nothing is known of the inputs.</summary>
    public float[] Prune(Sparsity sparsity, int taps, float[] start)
    {
        float[] values = [.. start];
        Walk(Factors(sparsity.M, taps), (order, factor, first) => new() { Weights = w, Factor = factor, Order = order, First = first, Values = values, Keep = sparsity.N });
        return values;
    }

    /// <summary>Codes of N of each M channels of a tap, chosen and rounded in one walk; scales are those of <paramref name="pruned"/>, which stands for them where nothing is known of the inputs.</summary>
    public CodedMatrix PruneAndRound(Sparsity sparsity, int taps, float[] pruned, ColumnGroups groups, Scheme scheme)
    {
        var coded = Nearest(pruned, groups, scheme);
        Walk(Factors(sparsity.M, taps), (order, factor, first) => new() { Weights = w, Factor = factor, Order = order, First = first, Coded = coded, Keep = sparsity.N });
        return coded;
    }

    /// <summary>The weights that the mask keeps, and what makes up for the others. Where it <paramref name="adapts"/>, runs of a row keep as many as it says, but choose anew.</summary>
    public float[] Prune(bool[] mask, bool adapts)
    {
        float[] values = SparsityMask.Apply(mask, w);
        Walk(Factors(Run, 1), (order, factor, first) => new() { Weights = w, Factor = factor, Order = order, First = first, Values = values, Mask = mask, Adapts = adapts });
        return values;
    }

    /// <summary>Codes of the weights that the mask keeps, chosen and rounded in one walk; scales are those of <paramref name="pruned"/>, which stands for them where nothing is known of the inputs.</summary>
    public CodedMatrix PruneAndRound(bool[] mask, bool adapts, float[] pruned, ColumnGroups groups, Scheme scheme)
    {
        var coded = Nearest(pruned, groups, scheme);
        Walk(Factors(Run, 1), (order, factor, first) => new() { Weights = w, Factor = factor, Order = order, First = first, Coded = coded, Mask = mask, Adapts = adapts });
        return coded;
    }

    /// <summary>What the outputs would lose without each weight alone, all others making up for it: w² / [H⁻¹]ⱼⱼ.</summary>
    public float[] Losses()
    {
        var y = new float[w.LongLength];
        int p = 0, part = rows / grams.Count;
        foreach (var (order, factor) in Factors(Run, 1))
        {
            double[] inverse = [.. Enumerable.Repeat(1.0, columns)];
            for (int j = 0; j < columns && factor is not null; j++)
            {
                double sum = 0;
                for (int i = 0; i <= j; i++) sum += (double)factor[(long)i * columns + j] * factor[(long)i * columns + j];
                inverse[order.Columns[j]] = 1 / sum;
            }
            for (long i = (long)p * part * columns, end = i + (long)part * columns; i < end; i++) y[i] = (float)((double)w[i] * w[i] * inverse[i % columns]);
            p++;
        }
        return y;
    }

    private CodedMatrix Nearest(float[] values, ColumnGroups groups, Scheme scheme) => RoundToNearest.Run(values, rows, columns, groups, scheme, [.. grams.Select(h => Diagonal(h, columns))], search: true, workers);

    private void Walk(List<(ColumnOrder Order, float[]? Factor)> parts, Func<ColumnOrder, float[], int, CompensatedRows> body)
    {
        int part = rows / grams.Count;
        for (int p = 0; p < parts.Count; p++)
            // Without a factor (inputs are all zero) nothing can be compensated: what was there stays.
            if (parts[p].Factor is { } factor) workers.For(part, 1, body(parts[p].Order, factor, p * part));
    }

    private List<(ColumnOrder Order, float[]? Factor)> Factors(int channels, int taps)
    {
        if (_factors is { } known && (known.Channels, known.Taps) == (channels, taps)) return known.Parts;
        int[][] runs = ColumnOrder.Channels(columns, taps, channels);
        _factors = null;
        List<(ColumnOrder, float[]?)> parts = [.. grams.Select(h => ColumnOrder.Of(runs, h, columns, options.ActOrder) is var order ? (order, Factor(h, columns, order.Columns, options.Dampening, workers)) : default)];
        _factors = (channels, taps, parts);
        return parts;
    }

    private static float[] Diagonal(float[] h, int n)
    {
        var d = new float[n];
        for (int k = 0; k < n; k++) d[k] = h[(long)k * n + k];
        // A column without input still wants a say in the scales.
        float floor = MathF.Max(d.Average() * 1e-6f, 1e-30f);
        return Array.ConvertAll(d, v => MathF.Max(v, floor));
    }

    private static float[]? Factor(float[] h, int n, int[] order, double dampening, Workers workers)
    {
        double mean = 0;
        for (int k = 0; k < n; k++) mean += h[(long)k * n + k];
        mean /= n;
        if (!(mean > 0) || !double.IsFinite(mean)) return null;
        for (double damp = Math.Max(dampening, 1e-6); damp < 100; damp *= 10)
        {
            var a = new double[h.Length];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) a[(long)i * n + j] = h[(long)order[i] * n + order[j]] + (i == j ? damp * mean : 0);
            if (Cholesky.InverseUpper(a, n, workers)) return Array.ConvertAll(a, v => (float)v);
        }
        return null;
    }
}
