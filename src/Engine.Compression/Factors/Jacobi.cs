using Engine.Kernels;

namespace Engine.Compression;

/// <summary>
/// Eigenvectors of symmetric positive semidefinite matrices by one-sided Jacobi rotations (Hestenes) of the rows of a Cholesky factor: rows are
/// turned in pairs until all are orthogonal. In a round every row is in one pair, so that rounds run on all threads and give the same bits.
/// </summary>
internal static class Jacobi
{
    private const int MostSweeps = 30;

    // Rows whose cosine is below this count as orthogonal.
    private const double Orthogonal = 1e-13;

    /// <summary>Eigenvectors as rows [n, n] and eigenvalues, both by falling eigenvalue. <paramref name="a"/> is spoilt.</summary>
    public static (double[] Vectors, double[] Values) Eigen(double[] a, int n, Workers workers)
    {
        double trace = 0;
        for (int i = 0; i < n; i++) trace += a[(long)i * n + i];
        var vectors = new double[(long)n * n];
        for (int i = 0; i < n; i++) vectors[(long)i * n + i] = 1;
        if (!(trace > 0) || !double.IsFinite(trace)) return (vectors, new double[n]);
        double shift = 1e-13 * trace;
        var rows = new double[a.LongLength];
        // What rounding makes negative is lifted; the shift is taken off again.
        for (bool done = false; !done; shift *= 100)
        {
            Array.Copy(a, rows, a.LongLength);
            for (int i = 0; i < n; i++) rows[(long)i * n + i] += shift;
            done = Cholesky.Lower(rows, n, workers);
            if (done) break;
        }
        var turned = new int[n / 2 + 1];
        int[] order = [.. Enumerable.Range(0, n + n % 2)];
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            bool any = false;
            for (int round = 0; round < order.Length - 1; round++)
            {
                workers.Cancellation.ThrowIfCancellationRequested();
                Array.Clear(turned);
                workers.For(order.Length / 2, Math.Max(1, 8192 / n), new Round(rows, vectors, n, order, turned));
                any |= turned.Contains(1);
                // The first stays, the others move on: every row meets every other once a sweep.
                int last = order[^1];
                Array.Copy(order, 1, order, 2, order.Length - 2);
                order[1] = last;
            }
            if (!any) break;
        }
        var values = new double[n];
        for (int i = 0; i < n; i++) values[i] = Vectors64.Dot(rows.AsSpan(i * n, n), rows.AsSpan(i * n, n)) - shift;
        int[] sorted = [.. Enumerable.Range(0, n).OrderByDescending(i => values[i])];
        var ordered = new double[(long)n * n];
        for (int i = 0; i < n; i++) Array.Copy(vectors, (long)sorted[i] * n, ordered, (long)i * n, n);
        return (ordered, [.. sorted.Select(i => values[i])]);
    }

    private readonly struct Round(double[] rows, double[] vectors, int n, int[] order, int[] turned) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int pair = start; pair < end; pair++)
            {
                int i = order[pair], j = order[^(pair + 1)];
                // An odd number of rows has one over.
                if (i >= n || j >= n) continue;
                Span<double> x = rows.AsSpan(i * n, n), y = rows.AsSpan(j * n, n);
                double xx = Vectors64.Dot(x, x), yy = Vectors64.Dot(y, y), xy = Vectors64.Dot(x, y);
                if (Math.Abs(xy) <= Orthogonal * Math.Sqrt(xx * yy) || xy == 0) continue;
                turned[pair] = 1;
                double zeta = (yy - xx) / (2 * xy), t = Math.CopySign(1, zeta) / (Math.Abs(zeta) + Math.Sqrt(1 + zeta * zeta)), cosine = 1 / Math.Sqrt(1 + t * t), sine = cosine * t;
                Vectors64.Turn(x, y, cosine, sine);
                Vectors64.Turn(vectors.AsSpan(i * n, n), vectors.AsSpan(j * n, n), cosine, sine);
            }
        }
    }
}
