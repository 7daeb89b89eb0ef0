using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>A strict order of values: which of two comes first.</summary>
public interface ISelectOrder<T>
{
    /// <summary>True when <paramref name="a"/> comes before <paramref name="b"/>.</summary>
    static abstract bool Before(T a, T b);
}

/// <summary>Greatest first, NaN before all.</summary>
public readonly struct GreatestFirst<T> : ISelectOrder<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Before(T a, T b) => a > b || T.IsNaN(a) && !T.IsNaN(b);
}

/// <summary>Least first, NaN after all.</summary>
public readonly struct LeastFirst<T> : ISelectOrder<T> where T : INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Before(T a, T b) => a < b || T.IsNaN(b) && !T.IsNaN(a);
}

/// <summary>
/// The first k elements of every line in an order, and where they were; equal elements keep their order. A heap with the last of
/// the k at its root lives in the output itself, so no workspace is needed.
/// </summary>
public static unsafe class TopKSelect
{
    /// <summary>Selects from x [outer, n, inner] into values and indices [outer, k, inner].</summary>
    public static void Run<T, TOrder>(Workers workers, T* x, T* values, long* indices, int outer, int n, int inner, int k) where T : unmanaged where TOrder : struct, ISelectOrder<T>
    {
        if (k > 0) workers.For(Tensors.Checked.Int((long)outer * inner), Math.Max(1, 4096 / n), new Body<T, TOrder>(x, values, indices, n, inner, k));
    }

    private readonly struct Body<T, TOrder>(T* x, T* values, long* indices, int n, int inner, int k) : IParallelBody where T : unmanaged where TOrder : struct, ISelectOrder<T>
    {
        public void Run(int start, int end)
        {
            for (int line = start; line < end; line++)
            {
                var (o, i) = Math.DivRem(line, inner);
                Select(x + (long)o * n * inner + i, new Heap<T, TOrder>(values + (long)o * k * inner + i, indices + (long)o * k * inner + i, inner));
            }
        }

        private void Select(T* line, Heap<T, TOrder> heap)
        {
            for (int j = 0; j < k; j++) heap.Set(j, line[(long)j * inner], j);
            for (int j = k / 2 - 1; j >= 0; j--) heap.SiftDown(j, k);
            // A later element that equals the root comes after it.
            for (int j = k; j < n; j++)
            {
                T v = line[(long)j * inner];
                if (!TOrder.Before(v, heap.Value(0))) continue;
                heap.Set(0, v, j);
                heap.SiftDown(0, k);
            }
            for (int size = k - 1; size > 0; size--)
            {
                heap.Swap(0, size);
                heap.SiftDown(0, size);
            }
        }
    }

    private readonly struct Heap<T, TOrder>(T* values, long* indices, int stride) where T : unmanaged where TOrder : struct, ISelectOrder<T>
    {
        public T Value(int i) => values[(long)i * stride];

        public void Set(int i, T value, long index) => (values[(long)i * stride], indices[(long)i * stride]) = (value, index);

        public void Swap(int i, int j)
        {
            long a = (long)i * stride, b = (long)j * stride;
            (values[a], values[b]) = (values[b], values[a]);
            (indices[a], indices[b]) = (indices[b], indices[a]);
        }

        public void SiftDown(int i, int size)
        {
            while (true)
            {
                long child = 2L * i + 1;
                if (child >= size) return;
                int last = (int)child;
                if (child + 1 < size && After(last + 1, last)) last++;
                if (!After(last, i)) return;
                Swap(last, i);
                i = last;
            }
        }

        private bool After(int i, int j)
        {
            T a = Value(i), b = Value(j);
            return TOrder.Before(b, a) || !TOrder.Before(a, b) && indices[(long)i * stride] > indices[(long)j * stride];
        }
    }
}
