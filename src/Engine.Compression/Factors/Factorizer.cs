using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Finds the factors of a layer.</summary>
internal sealed class Factorizer(CompressionOptions options, Calibration? calibration, Workers workers)
{
    // The weight's own part beside the outputs': directions that no sample drives keep an order, and few samples say less.
    private const double LeastOwn = 0.01, SamplesAnInput = 10;

    /// <summary>The factors as the scheme asks for them; null where they would not be smaller than the layer, or it has no such form.</summary>
    public LayerFactors? Factor(Layer layer, Factorization f, FactorMethod method)
    {
        if (layer.Kind == LayerKind.Recurrent || layer.Parts != 1) return null;
        if (layer.Kind == LayerKind.Embedding) return Table(layer, f);
        // What has no window, or one of one axis, has one form.
        bool window = layer.Kind == LayerKind.Conv && layer.Weight.Shape is { Rank: 4 } s && s[2] > 1 && s[3] > 1;
        return (window ? f.Kind : FactorKind.LowRank) switch
        {
            FactorKind.Spatial => Spatial(layer, f),
            FactorKind.Tucker => Tucker(layer, f, method),
            FactorKind.Canonical => CanonicalFactors.Of(layer, f, options.Seed, workers),
            _ => LowRank(layer, f, method),
        };
    }

    private static Tensor Stage(float[] values, params ReadOnlySpan<long> dims) => Tensor.From(new Shape(dims), values);

    private Svd Left(float[] a, int rows, int columns, int count) => Svd.Left(a, rows, columns, count, options.Seed, workers);

    /// <summary>What the vectors of a product's outputs are found in: the weight, beside its outputs where samples are to speak. [rows, count].</summary>
    private (float[] Matrix, int Columns) Outputs(Layer layer, FactorMethod method)
    {
        var w = layer.Matrix();
        if (method == FactorMethod.Plain || calibration?.Inputs(layer) is not { IsSplit: true } inputs) return (w, layer.Columns);
        var x = inputs.Fitted(0);
        int count = x.Length / layer.Columns, columns = count + layer.Columns;
        var y = Products.TimesTransposed(w, layer.Rows, x, count, layer.Columns, workers);
        double squares = 0;
        foreach (float v in x) squares += (double)v * v;
        double part = Math.Clamp(layer.Columns / (SamplesAnInput * count), LeastOwn, 1);
        float own = (float)Math.Sqrt(part * squares / x.Length), one = (float)Math.Sqrt((1 - part) / count);
        var joined = new float[(long)layer.Rows * columns];
        for (int r = 0; r < layer.Rows; r++)
        {
            var row = y.AsSpan(r * count, count);
            float mean = method == FactorMethod.CentredOutputs ? Mean(row) : 0;
            var to = joined.AsSpan(r * columns, columns);
            for (int i = 0; i < count; i++) to[i] = (row[i] - mean) * one;
            for (int k = 0; k < layer.Columns; k++) to[count + k] = w[(long)r * layer.Columns + k] * own;
        }
        return (joined, columns);
    }

    private static float Mean(ReadOnlySpan<float> x)
    {
        double sum = 0;
        foreach (float v in x) sum += v;
        return (float)(sum / x.Length);
    }

    // W ≈ P · (Pᵀ · W) with P the leading vectors of the outputs: of all matrices of its rank the one of least error in them.
    private LayerFactors? LowRank(Layer layer, Factorization f, FactorMethod method)
    {
        int most = RankChoice.Most(f, layer.Rows, layer.Columns);
        if (most < 1) return null;
        var (a, columns) = Outputs(layer, method);
        var svd = Left(a, layer.Rows, columns, most);
        if (RankChoice.Of(f, svd, layer.Rows, layer.Columns) is not { } rank) return null;
        var p = svd.First(rank).Vectors;
        var down = Products.Times(p, rank, layer.Matrix(), layer.Columns, layer.Rows, workers);
        return new(Factorization.Of(FactorKind.LowRank, rank), [Stage(down, rank, layer.Columns), Stage(Products.Transposed(p, rank, layer.Rows), layer.Rows, rank)]);
    }

    // Rows E ≈ (E · Pᵀ) · P with P the leading vectors of its columns.
    private LayerFactors? Table(Layer layer, Factorization f)
    {
        int most = RankChoice.Most(f, layer.Rows, layer.Columns);
        if (most < 1) return null;
        var e = layer.Matrix();
        var svd = Left(Products.Transposed(e, layer.Rows, layer.Columns), layer.Columns, layer.Rows, most);
        if (RankChoice.Of(f, svd, layer.Rows, layer.Columns) is not { } rank) return null;
        var p = svd.First(rank).Vectors;
        return new(Factorization.Of(FactorKind.LowRank, rank), [Stage(p, rank, layer.Columns), Stage(Products.TimesTransposed(e, layer.Rows, p, rank, layer.Columns, workers), layer.Rows, rank)]);
    }

    private LayerFactors? Spatial(Layer layer, Factorization f)
    {
        var (inputs, height, width) = Axes.Window(layer);
        int rows = inputs * height, columns = layer.Rows * width;
        int most = RankChoice.Most(f, rows, columns);
        if (most < 1) return null;
        // [inputs · height, outputs · width].
        var m = Axes.Swap(layer.Matrix(), layer.Rows, rows, width);
        var svd = Left(m, rows, columns, most);
        if (RankChoice.Of(f, svd, rows, columns) is not { } rank) return null;
        var p = svd.First(rank).Vectors;
        var across = Axes.Swap(Products.Times(p, rank, m, columns, rows, workers), rank, layer.Rows, width);
        return new(Factorization.Of(FactorKind.Spatial, rank), [Stage(p, rank, inputs, height, 1), Stage(across, layer.Rows, rank, 1, width)]);
    }

    private LayerFactors? Tucker(Layer layer, Factorization f, FactorMethod method)
    {
        var (inputs, height, width) = Axes.Window(layer);
        int outputs = layer.Rows, taps = layer.Taps;
        var (r, s) = (outputs, inputs);
        if (f.Rule == RankRule.Number) (r, s) = ((int)Math.Min(f.Value, outputs), Math.Min(f.Inputs == 0 ? (int)f.Value : f.Inputs, inputs));
        else if (f.Rule == RankRule.Part)
        {
            // Both channels by one factor x: x² · outputs · inputs · taps + x · (outputs² + inputs²) parameters.
            double core = (double)outputs * inputs * taps, ends = (double)outputs * outputs + (double)inputs * inputs, x = (Math.Sqrt(ends * ends + 4 * core * core * f.Value) - ends) / (2 * core);
            (r, s) = (RankChoice.Down(x * outputs), RankChoice.Down(x * inputs));
        }
        if (r < 1 || s < 1) return null;
        var (a, columns) = Outputs(layer, method);
        var out0 = Left(a, outputs, columns, r);
        var in0 = Left(Axes.Swap(layer.Matrix(), outputs, inputs, taps), inputs, outputs * taps, s);
        if (f.Rule == RankRule.Energy) (r, s) = (RankChoice.Energy(out0, f.Value) ?? outputs, RankChoice.Energy(in0, f.Value) ?? inputs);
        if (f.Rule != RankRule.Number && (long)r * s * taps + (long)r * outputs + (long)s * inputs >= (long)outputs * inputs * taps) return null;
        float[] p = out0.First(r).Vectors, q = in0.First(s).Vectors;
        // [r, inputs, taps], then inputs become s.
        var half = Products.Times(p, r, layer.Matrix(), layer.Columns, outputs, workers);
        var core0 = Axes.Expand(half, Products.Transposed(q, s, inputs), r, inputs, taps, s, workers);
        return new(Factorization.Of(FactorKind.Tucker, r, s),
            [Stage(q, s, inputs, 1, 1), Stage(core0, r, s, height, width), Stage(Products.Transposed(p, r, outputs), outputs, r, 1, 1)]);
    }
}
