using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Filters as sums of products of one vector an axis (CP), by alternating least squares from a seeded start.</summary>
internal static class CanonicalFactors
{
    private const int MostTurns = 100;
    private const double Ridge = 1e-7, Settled = 1e-5;

    /// <summary>Factors [rank, inputs], [rank, height], [rank, width] and [outputs, rank] of a convolution; null where they would not be smaller.</summary>
    public static LayerFactors? Of(Layer layer, Factorization f, ulong seed, Workers workers)
    {
        var (inputs, height, width) = Axes.Window(layer);
        int[] dims = [layer.Rows, inputs, height, width];
        long sum = dims.Sum(), dense = layer.Weight.Shape.Elements;
        int rank = f.Rule == RankRule.Number ? (int)f.Value : RankChoice.Down(f.Value * dense / sum);
        if (rank < 1 || f.Rule != RankRule.Number && rank * sum >= dense) return null;
        var w = layer.Matrix();
        // Unfolded along every axis: [dim, the others in order].
        float[][] unfolded = [w, Axes.Swap(w, layer.Rows, inputs, layer.Taps), Unfold(w, dims, 2), Unfold(w, dims, 3)];
        var random = new SplitMix(seed);
        float[][] x = [.. dims.Select(d => Normal(d * rank, ref random))];
        double energy = Square(w), last = double.PositiveInfinity;
        for (int turn = 0; turn < MostTurns; turn++)
        {
            workers.Cancellation.ThrowIfCancellationRequested();
            for (int axis = 0; axis < dims.Length; axis++)
            {
                int[] others = [.. Enumerable.Range(0, dims.Length).Where(a => a != axis)];
                var spread = Spread(others.Select(a => (x[a], dims[a])), rank);
                x[axis] = Solve(Products.Times(unfolded[axis], dims[axis], spread, rank, spread.Length / rank, workers), Hadamard(others.Select(a => (x[a], dims[a])), rank), dims[axis], rank, workers);
            }
            double error = Error(w, x, dims, rank, workers) / Math.Max(energy, double.Epsilon);
            if (Math.Abs(last - error) <= Settled * error || error < 1e-12) break;
            last = error;
        }
        float[] Rows(int axis) => Products.Transposed(x[axis], dims[axis], rank);
        Tensor Stage(float[] v, params ReadOnlySpan<long> shape) => Tensor.From(new Shape(shape), v);
        return new(Factorization.Of(FactorKind.Canonical, rank),
            [Stage(Rows(1), rank, inputs, 1, 1), Stage(Rows(2), rank, 1, height, 1), Stage(Rows(3), rank, 1, 1, width), Stage(x[0], layer.Rows, rank, 1, 1)]);
    }

    private static float[] Normal(int count, ref SplitMix random)
    {
        var y = new float[count];
        for (int i = 0; i < count; i++) y[i] = (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);
        return y;
    }

    private static double Square(float[] x)
    {
        double s = 0;
        foreach (float v in x) s += (double)v * v;
        return s;
    }

    private static float[] Unfold(float[] w, int[] dims, int axis)
    {
        int before = dims[..axis].Aggregate(1, (a, b) => a * b), after = dims[(axis + 1)..].Aggregate(1, (a, b) => a * b);
        return Axes.Swap(w, before, dims[axis], after);
    }

    // Rows of all factors but one multiplied with each other: [product of dims, rank].
    private static float[] Spread(IEnumerable<(float[] X, int Dim)> factors, int rank)
    {
        float[] y = [.. Enumerable.Repeat(1f, rank)];
        foreach (var (x, dim) in factors)
        {
            int before = y.Length / rank;
            var next = new float[(long)y.Length * dim];
            long at = 0;
            for (int i = 0; i < before; i++)
                for (int j = 0; j < dim; j++)
                    for (int r = 0; r < rank; r++) next[at++] = y[i * rank + r] * x[j * rank + r];
            y = next;
        }
        return y;
    }

    private static double[] Hadamard(IEnumerable<(float[] X, int Dim)> factors, int rank)
    {
        var g = new double[rank * rank];
        Array.Fill(g, 1);
        foreach (var (x, dim) in factors)
            for (int a = 0; a < rank; a++)
                for (int b = 0; b < rank; b++)
                {
                    double dot = 0;
                    for (int j = 0; j < dim; j++) dot += (double)x[j * rank + a] * x[j * rank + b];
                    g[a * rank + b] *= dot;
                }
        return g;
    }

    /// <summary>Y with Y · G = B, row by row, G lifted a little so that it has a factor.</summary>
    private static float[] Solve(float[] b, double[] g, int rows, int rank, Workers workers)
    {
        double[] y = Array.ConvertAll(b, v => (double)v);
        for (double ridge = Ridge; ridge < 100; ridge *= 100)
            if (LeastSquares.Solve((double[])g.Clone(), rank, y, rows, ridge, workers)) return Array.ConvertAll(y, v => (float)v);
        return b;
    }

    private static double Error(float[] w, float[][] x, int[] dims, int rank, Workers workers)
    {
        var spread = Spread(Enumerable.Range(1, dims.Length - 1).Select(a => (x[a], dims[a])), rank);
        var y = Products.TimesTransposed(x[0], dims[0], spread, spread.Length / rank, rank, workers);
        double s = 0;
        for (int i = 0; i < y.Length; i++) s += ((double)w[i] - y[i]) * ((double)w[i] - y[i]);
        return s;
    }
}
