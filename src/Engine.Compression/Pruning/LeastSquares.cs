using System.Runtime.CompilerServices;
using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Solves (G + damp·mean(diag G)·I) · X = B for symmetric G.</summary>
internal static class LeastSquares
{
    /// <summary>
    /// X as rows of right-hand sides: <paramref name="rows"/> [count, n] is replaced by the solutions. <paramref name="gram"/> [n, n] is spoilt. False where
    /// the matrix is not positive definite even with the damping.
    /// </summary>
    public static bool Solve(double[] gram, int n, double[] rows, int count, double damp, Workers workers)
    {
        double mean = 0;
        for (int i = 0; i < n; i++) mean += gram[(long)i * n + i] / n;
        if (!(mean > 0)) return false;
        for (int i = 0; i < n; i++) gram[(long)i * n + i] += damp * mean;
        if (!Cholesky.Lower(gram, n, workers)) return false;
        var columns = new double[gram.Length];
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++) columns[(long)j * n + i] = gram[(long)i * n + j];
        workers.For(count, 1, new Substitute(gram, columns, n, rows));
        return true;
    }

    /// <summary>L·Lᵀ·x = b, forward by rows of L and back by rows of Lᵀ.</summary>
    private readonly struct Substitute(double[] lower, double[] upper, int n, double[] rows) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
            {
                ref double x = ref rows[(long)r * n];
                for (int i = 0; i < n; i++) Unsafe.Add(ref x, i) = (Unsafe.Add(ref x, i) - Vectors64.Dot(ref x, ref lower[(long)i * n], i)) / lower[(long)i * n + i];
                for (int i = n - 1; i >= 0; i--)
                    Unsafe.Add(ref x, i) = (Unsafe.Add(ref x, i) - (i + 1 == n ? 0 : Vectors64.Dot(ref Unsafe.Add(ref x, i + 1), ref upper[(long)i * n + i + 1], n - i - 1))) / lower[(long)i * n + i];
            }
        }
    }
}
