using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Factors of symmetric positive definite matrices, binary64, row-major [n, n].</summary>
internal static class Cholesky
{
    private const int Block = 64;

    /// <summary>The lower factor L with L·Lᵀ = A, zeros above the diagonal; null where A is not positive definite.</summary>
    public static double[]? Lower(double[] a, int n, Workers workers)
    {
        var l = (double[])a.Clone();
        for (int j = 0; j < n; j += Block)
        {
            int end = Math.Min(n, j + Block);
            for (int i = j; i < end; i++)
            {
                var row = Row(l, n, i);
                for (int k = j; k < i; k++) row[k] = (row[k] - Dot(row[..k], Row(l, n, k)[..k])) / l[(long)k * n + k];
                double d = row[i] - Dot(row[..i], row[..i]);
                if (!(d > 0) || !double.IsFinite(d)) return null;
                row[i] = Math.Sqrt(d);
                row[(i + 1)..].Clear();
            }
            workers.For(n - end, 4, new Below(l, n, j, end));
        }
        return l;
    }

    /// <summary>
    /// The upper factor U with Uᵀ·U = A⁻¹: what error compensation walks through, a row a column of the weights. Null where A is not
    /// positive definite. From the lower factor of A with rows and columns in reverse, whose inverse is reversed again.
    /// </summary>
    public static double[]? InverseUpper(double[] a, int n, Workers workers)
    {
        var reversed = new double[a.Length];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) reversed[(long)(n - 1 - i) * n + (n - 1 - j)] = a[(long)i * n + j];
        if (Lower(reversed, n, workers) is not { } l) return null;
        // A = Ũ·Ũᵀ with Ũ[i, j] = L[n−1−i, n−1−j]; U = Ũ⁻¹ is upper triangular.
        var inverse = new double[a.Length];
        workers.For(n, 8, new InverseColumns(l, inverse, n));
        var u = reversed;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) u[(long)i * n + j] = inverse[(long)(n - 1 - j) * n + (n - 1 - i)];
        return u;
    }

    private static Span<double> Row(double[] m, int n, int i) => MemoryMarshal.CreateSpan(ref m[(long)i * n], n);

    // Four sums in vectors: the order of additions depends on the vector width, and so may the last bits.
    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        int w = Vector<double>.Count, i = 0;
        Vector<double> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; i + 4 * w <= a.Length; i += 4 * w)
        {
            s0 += new Vector<double>(a[i..]) * new Vector<double>(b[i..]);
            s1 += new Vector<double>(a[(i + w)..]) * new Vector<double>(b[(i + w)..]);
            s2 += new Vector<double>(a[(i + 2 * w)..]) * new Vector<double>(b[(i + 2 * w)..]);
            s3 += new Vector<double>(a[(i + 3 * w)..]) * new Vector<double>(b[(i + 3 * w)..]);
        }
        double sum = Vector.Sum(s0 + s1 + s2 + s3);
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>Rows below a block of columns that is done.</summary>
    private readonly struct Below(double[] l, int n, int from, int to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = to + start; i < to + end; i++)
            {
                var row = Row(l, n, i);
                for (int k = from; k < to; k++) row[k] = (row[k] - Dot(row[..k], Row(l, n, k)[..k])) / l[(long)k * n + k];
            }
        }
    }

    /// <summary>Columns of L⁻¹, stored as rows: inverse[c, i] = L⁻¹[i, c].</summary>
    private readonly struct InverseColumns(double[] l, double[] inverse, int n) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int c = start; c < end; c++)
            {
                var x = Row(inverse, n, c);
                x[c] = 1 / l[(long)c * n + c];
                for (int i = c + 1; i < n; i++) x[i] = -Dot(Row(l, n, i)[c..i], x[c..i]) / l[(long)i * n + i];
            }
        }
    }
}
