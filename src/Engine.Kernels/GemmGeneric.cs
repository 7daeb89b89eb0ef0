using System.Numerics;

namespace Engine.Kernels;

/// <summary>C[m,n] = Σk A[m,k]·B[k,n] for any number type, all operands strided, C row-major; integers wrap around.</summary>
public static unsafe class GemmGeneric
{
    /// <summary>Computes the product; element (i, j) of A lies at <c>a[i·aRow + j·aColumn]</c>, likewise of B.</summary>
    public static void Run<T>(Workers workers, int m, int n, int k, T* a, nint aRow, nint aColumn, T* b, nint bRow, nint bColumn, T* c) where T : unmanaged, INumber<T>
    {
        if (m == 0 || n == 0) return;
        workers.For(m, (int)Math.Clamp(32768 / Math.Max(1, (double)n * k), 1, m), new Body<T>(n, k, a, aRow, aColumn, b, bRow, bColumn, c));
    }

    private readonly struct Body<T>(int n, int k, T* a, nint aRow, nint aColumn, T* b, nint bRow, nint bColumn, T* c) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                T* x = a + i * aRow, y = c + (nint)i * n;
                int j = 0;
                if (bColumn == 1)
                    for (; j + 2 * Vector<T>.Count <= n; j += 2 * Vector<T>.Count) Strip(x, b + j, y + j);
                for (; j < n; j++)
                {
                    T sum = T.Zero;
                    T* w = b + j * bColumn;
                    for (nint l = 0; l < k; l++) sum += x[l * aColumn] * w[l * bRow];
                    y[j] = sum;
                }
            }
        }

        private void Strip(T* x, T* w, T* y)
        {
            Vector<T> s0 = Vector<T>.Zero, s1 = Vector<T>.Zero;
            for (int l = 0; l < k; l++, x += aColumn, w += bRow)
            {
                s0 += *x * Vector.Load(w);
                s1 += *x * Vector.Load(w + Vector<T>.Count);
            }
            s0.Store(y);
            s1.Store(y + Vector<T>.Count);
        }
    }
}
