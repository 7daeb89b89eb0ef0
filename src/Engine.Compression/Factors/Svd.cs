using Engine.Kernels;

namespace Engine.Compression;

/// <summary>The leading left singular vectors of a matrix, and its singular values.</summary>
/// <param name="Rows">Rows of the matrix.</param>
/// <param name="Vectors">Orthonormal vectors one after the other, [count, rows], by falling singular value.</param>
/// <param name="Values">Singular values, [count].</param>
/// <param name="Energy">Sum of the squares of all singular values, those left out included.</param>
internal sealed record Svd(int Rows, float[] Vectors, double[] Values, double Energy)
{
    // Vectors beyond those asked for, and turns of the subspace: the last ones asked for converge too.
    private const int Spare = 16, Turns = 3;

    /// <summary>Number of vectors.</summary>
    public int Count => Values.Length;

    /// <summary>
    /// <paramref name="count"/> left singular vectors of a [rows, columns], by subspace iteration from a seeded start (Halko, Martinsson, Tropp, 2011); all of
    /// them, where so many are asked for, without approximation.
    /// </summary>
    public static Svd Left(float[] a, int rows, int columns, int count, ulong seed, Workers workers)
    {
        double energy = 0;
        foreach (float v in a) energy += (double)v * v;
        count = Math.Min(count, rows);
        int wide = Math.Min(rows, count + Spare);
        float[]? basis = null;
        if (wide < rows)
        {
            // Qᵀ [wide, rows].
            basis = Orthonormal(Products.TimesTransposed(Start(wide, columns, seed), wide, a, rows, columns, workers), wide, rows, seed, workers);
            var turned = Products.Transposed(a, rows, columns);
            for (int i = 0; i < Turns; i++)
            {
                workers.Cancellation.ThrowIfCancellationRequested();
                var inputs = Orthonormal(Products.TimesTransposed(basis, wide, turned, columns, rows, workers), wide, columns, seed + 1, workers);
                basis = Orthonormal(Products.TimesTransposed(inputs, wide, a, rows, columns, workers), wide, rows, seed + 2, workers);
            }
            a = Products.TimesTransposed(basis, wide, turned, columns, rows, workers);
        }
        workers.Cancellation.ThrowIfCancellationRequested();
        var (turn, values) = Jacobi.Eigen(Gram(a, wide, columns, workers), wide, workers);
        var vectors = new float[(long)count * rows];
        if (basis is null)
            for (int i = 0; i < count; i++)
                for (int k = 0; k < rows; k++) vectors[(long)i * rows + k] = (float)turn[(long)i * wide + k];
        else vectors = Products.TimesTransposed(Array.ConvertAll(turn[..(count * wide)], v => (float)v), count, Products.Transposed(basis, wide, rows), rows, wide, workers);
        return new(rows, vectors, [.. values.Take(count).Select(v => Math.Sqrt(Math.Max(0, v)))], energy);
    }

    /// <summary>The first <paramref name="count"/> vectors.</summary>
    public Svd First(int count) => new(Rows, Vectors[..(count * Rows)], Values[..count], Energy);

    private static float[] Start(int rows, int columns, ulong seed)
    {
        var random = new SplitMix(seed);
        var y = new float[(long)rows * columns];
        // Sums of uniform numbers are near enough to normal ones, and no function of a library changes them.
        for (long i = 0; i < y.LongLength; i++) y[i] = (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);
        return y;
    }

    /// <summary>Rows made orthogonal to each other one after the other, twice, in binary64. A row that depends on those before becomes a random one.</summary>
    private static float[] Orthonormal(float[] x, int rows, int columns, ulong seed, Workers workers)
    {
        var y = Array.ConvertAll(x, v => (double)v);
        var random = new SplitMix(seed);
        for (int i = 0; i < rows; i++)
        {
            var row = y.AsSpan(i * columns, columns);
            double before = Math.Sqrt(Vectors64.Dot(row, row));
            for (int attempt = 0; attempt < 2; attempt++)
            {
                for (int pass = 0; pass < 2; pass++) Subtract(y, i, columns, workers);
                double length = Math.Sqrt(Vectors64.Dot(row, row));
                if (length > 1e-7 * before && length > 0)
                {
                    foreach (ref double v in row) v /= length;
                    break;
                }
                foreach (ref double v in row) v = random.NextDouble() - 0.5;
                before = Math.Sqrt(Vectors64.Dot(row, row));
            }
        }
        return Array.ConvertAll(y, v => (float)v);
    }

    // Row i less its projections on the rows before, all taken at once.
    private static void Subtract(double[] y, int i, int columns, Workers workers)
    {
        if (i == 0) return;
        var along = new double[i];
        workers.For(i, 32, new Along(y, i, columns, along));
        workers.For(columns, 256, new Less(y, i, columns, along));
    }

    private readonly struct Along(double[] y, int row, int columns, double[] along) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int j = start; j < end; j++) along[j] = Vectors64.Dot(y.AsSpan(row * columns, columns), y.AsSpan(j * columns, columns));
        }
    }

    private readonly struct Less(double[] y, int row, int columns, double[] along) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var to = y.AsSpan(row * columns + start, end - start);
            for (int j = 0; j < row; j++) Vectors64.AddScaled(to, y.AsSpan(j * columns + start, end - start), -along[j]);
        }
    }

    /// <summary>a·aᵀ in binary64.</summary>
    private static double[] Gram(float[] a, int rows, int columns, Workers workers)
    {
        var wide = Array.ConvertAll(a, v => (double)v);
        var g = new double[(long)rows * rows];
        workers.For(rows, 1, new GramRows(wide, rows, columns, g));
        return g;
    }

    private readonly struct GramRows(double[] a, int rows, int columns, double[] g) : IParallelBody
    {
        public void Run(int start, int end)
        {
            // Row i meets rows i, i + 1, … around the end, half of them: equal work a row.
            for (int i = start; i < end; i++)
                for (int step = 0; step <= rows / 2; step++)
                {
                    int j = (i + step) % rows;
                    double dot = Vectors64.Dot(a.AsSpan(i * columns, columns), a.AsSpan(j * columns, columns));
                    g[(long)i * rows + j] = dot;
                    if (step * 2 != rows) g[(long)j * rows + i] = dot;
                }
        }
    }
}
