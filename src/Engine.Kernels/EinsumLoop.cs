using System.Numerics;

namespace Engine.Kernels;

/// <summary>y[output labels] = Σ over the other labels of Π operands, each strided over all labels; integers wrap around.</summary>
public static unsafe class EinsumLoop
{
    /// <summary>
    /// The first <paramref name="outputRank"/> of <paramref name="dims"/> are the result's, the rest are summed; <paramref name="b"/> may be
    /// null.
    /// </summary>
    public static void Run<T>(Workers workers, long[] dims, int outputRank, T* a, long[] aStrides, T* b, long[] bStrides, T* y) where T : unmanaged, INumber<T>
    {
        long outputs = 1, terms = 1;
        for (int i = 0; i < dims.Length; i++)
            if (i < outputRank) outputs *= dims[i];
            else terms *= dims[i];
        workers.For(Tensors.Checked.Int(outputs), (int)Math.Clamp(16384 / Math.Max(1, terms), 1, Math.Max(1, outputs)), new Body<T>(dims, outputRank, terms, a, aStrides, b, bStrides, y, workers.Cancellation));
    }

    private readonly struct Body<T>(long[] dims, int outputRank, long terms, T* a, long[] aStrides, T* b, long[] bStrides, T* y, CancellationToken cancellation) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            Span<long> index = stackalloc long[dims.Length];
            for (int i = start; i < end; i++)
            {
                long atA = 0, atB = 0, rest = i;
                for (int d = outputRank - 1; d >= 0; d--)
                {
                    atA += rest % dims[d] * aStrides[d];
                    atB += rest % dims[d] * bStrides[d];
                    rest /= dims[d];
                }
                y[i] = typeof(T) == typeof(float) ? T.CreateTruncating(Sum<double>(index, atA, atB)) : Sum<T>(index, atA, atB);
            }
        }

        private TAcc Sum<TAcc>(Span<long> index, long atA, long atB) where TAcc : unmanaged, INumber<TAcc>
        {
            index.Clear();
            TAcc sum = TAcc.Zero;
            for (long t = 0; t < terms; t++)
            {
                // Two operands of 2²⁰ elements have up to 2⁴⁰ terms: one sum may take minutes.
                if ((t & 0xFFFFF) == 0) cancellation.ThrowIfCancellationRequested();
                TAcc v = TAcc.CreateTruncating(a[atA]);
                sum += b == null ? v : v * TAcc.CreateTruncating(b[atB]);
                for (int d = dims.Length - 1; d >= outputRank; d--)
                {
                    atA += aStrides[d];
                    atB += bStrides[d];
                    if (++index[d] < dims[d]) break;
                    atA -= aStrides[d] * dims[d];
                    atB -= bStrides[d] * dims[d];
                    index[d] = 0;
                }
            }
            return sum;
        }
    }
}
