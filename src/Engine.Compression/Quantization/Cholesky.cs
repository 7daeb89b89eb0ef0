using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Factors of symmetric positive definite matrices, binary64, row-major [n, n]. Sums depend on the vector width, and so may the last bits.</summary>
internal static class Cholesky
{
    private const int Block = 64;

    /// <summary>Replaces A by its lower factor L, L·Lᵀ = A, with zeros above the diagonal; false where A is not positive definite, which leaves it spoilt.</summary>
    public static bool Lower(double[] a, int n, Workers workers)
    {
        for (int j = 0; j < n; j += Block)
        {
            int end = Math.Min(n, j + Block);
            // What the columns before the block contribute needs nothing of the block itself.
            workers.For(n - j, 8, new Before(a, n, j, end));
            for (int i = j; i < end; i++)
            {
                Finish(a, n, i, j, i);
                ref double d = ref a[(long)i * n + i];
                d -= Vectors64.Dot(ref a[(long)i * n + j], ref a[(long)i * n + j], i - j);
                if (!(d > 0) || !double.IsFinite(d)) return false;
                d = Math.Sqrt(d);
                Row(a, n, i)[(i + 1)..].Clear();
            }
            workers.For(n - end, 8, new Below(a, n, j, end));
        }
        return true;
    }

    /// <summary>
    /// Replaces A by the upper factor U with Uᵀ·U = A⁻¹, which error compensation walks through, a row a column of the weights; false where A is not
    /// positive definite. It is the inverse of the lower factor of A with rows and columns in reverse, reversed again.
    /// </summary>
    public static bool InverseUpper(double[] a, int n, Workers workers)
    {
        Array.Reverse(a);
        if (!Lower(a, n, workers)) return false;
        var inverse = new double[a.Length];
        workers.For(n, 8, new InverseColumns(a, inverse, n));
        // A = Ũ·Ũᵀ with Ũ[i, j] = L[n−1−i, n−1−j]; U = Ũ⁻¹.
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) a[(long)i * n + j] = inverse[(long)(n - 1 - j) * n + (n - 1 - i)];
        return true;
    }

    private static Span<double> Row(double[] m, int n, int i) => MemoryMarshal.CreateSpan(ref m[(long)i * n], n);

    // Columns [from, to) of row i, once what came before `from` is subtracted.
    private static void Finish(double[] a, int n, int i, int from, int to)
    {
        for (int k = from; k < to; k++)
        {
            ref double x = ref a[(long)i * n + k];
            x = (x - Vectors64.Dot(ref a[(long)i * n + from], ref a[(long)k * n + from], k - from)) / a[(long)k * n + k];
        }
    }

    /// <summary>Rows from a block of columns on: subtracts the products with the columns before the block, four rows of the block at a time.</summary>
    private readonly struct Before(double[] a, int n, int from, int to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            if (from == 0) return;
            int w = Vector<double>.Count, most = Vectors64.Whole<double>(from);
            for (int i = from + start; i < from + end; i++)
            {
                ref double x = ref a[(long)i * n];
                int k = from, stop = Math.Min(to, i + 1);
                for (; most > 0 && k + 4 <= stop; k += 4)
                {
                    ref double b0 = ref a[(long)k * n], b1 = ref a[(long)(k + 1) * n], b2 = ref a[(long)(k + 2) * n], b3 = ref a[(long)(k + 3) * n];
                    Vector<double> s0 = default, s1 = default, s2 = default, s3 = default;
                    for (int c = 0; c < most; c += w)
                    {
                        var v = Vector.LoadUnsafe(ref x, (nuint)c);
                        s0 += v * Vector.LoadUnsafe(ref b0, (nuint)c);
                        s1 += v * Vector.LoadUnsafe(ref b1, (nuint)c);
                        s2 += v * Vector.LoadUnsafe(ref b2, (nuint)c);
                        s3 += v * Vector.LoadUnsafe(ref b3, (nuint)c);
                    }
                    ref double y = ref Unsafe.Add(ref x, k);
                    y -= Vector.Sum(s0);
                    Unsafe.Add(ref y, 1) -= Vector.Sum(s1);
                    Unsafe.Add(ref y, 2) -= Vector.Sum(s2);
                    Unsafe.Add(ref y, 3) -= Vector.Sum(s3);
                }
                for (; k < stop; k++) Unsafe.Add(ref x, k) -= Vectors64.Dot(ref x, ref a[(long)k * n], from);
            }
        }
    }

    /// <summary>Rows below a block of columns that is done.</summary>
    private readonly struct Below(double[] a, int n, int from, int to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = to + start; i < to + end; i++) Finish(a, n, i, from, to);
        }
    }

    /// <summary>Columns of L⁻¹, stored as rows: inverse[c, i] = L⁻¹[i, c].</summary>
    private readonly struct InverseColumns(double[] l, double[] inverse, int n) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int c = start; c < end; c++)
            {
                ref double x = ref inverse[(long)c * n];
                Unsafe.Add(ref x, c) = 1 / l[(long)c * n + c];
                for (int i = c + 1; i < n; i++) Unsafe.Add(ref x, i) = -Vectors64.Dot(ref l[(long)i * n + c], ref Unsafe.Add(ref x, c), i - c) / l[(long)i * n + i];
            }
        }
    }
}
