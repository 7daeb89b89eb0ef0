using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>A function of one element, on vectors of any numeric lane type it is bound for.</summary>
public interface IUnarySimd
{
    /// <summary>The function on every lane.</summary>
    Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T>;
}

/// <summary>A function of one element of type <typeparamref name="T"/>.</summary>
public interface IUnary<T, TResult>
{
    /// <summary>The function.</summary>
    TResult Invoke(T x);
}

/// <summary>y[i] = f(x[i]); y may be x.</summary>
public static class UnaryLoop
{
    /// <summary>Elements worth a thread of their own.</summary>
    public const int Grain = 16384;

    /// <summary>Vector by vector on the calling thread; the tail runs in a padded vector, so that every element takes the same path.</summary>
    public static void Simd<TOp, T>(TOp op, ReadOnlySpan<T> x, Span<T> y) where TOp : struct, IUnarySimd where T : unmanaged, INumber<T>
    {
        y = y[..x.Length];
        int i = 0, last = x.Length - Vector<T>.Count;
        ref T px = ref MemoryMarshal.GetReference(x), py = ref MemoryMarshal.GetReference(y);
        for (; i <= last; i += Vector<T>.Count) op.Invoke(Vector.LoadUnsafe(ref px, (nuint)i)).StoreUnsafe(ref py, (nuint)i);
        if (i == x.Length) return;
        // Padding repeats an element: zeros could raise what the elements do not.
        Span<T> tail = stackalloc T[Vector<T>.Count];
        tail.Fill(x[i]);
        x[i..].CopyTo(tail);
        op.Invoke(new Vector<T>(tail)).CopyTo(tail);
        tail[..(x.Length - i)].CopyTo(y[i..]);
    }

    /// <summary>As <see cref="Simd{TOp, T}(TOp, ReadOnlySpan{T}, Span{T})"/>, over the pool.</summary>
    public static unsafe void Simd<TOp, T>(Workers workers, TOp op, ReadOnlySpan<T> x, Span<T> y) where TOp : struct, IUnarySimd where T : unmanaged, INumber<T>
    {
        fixed (T* px = x, py = y[..x.Length]) workers.For(x.Length, Grain, new SimdBody<TOp, T>(op, px, py));
    }

    /// <summary>Element by element, over the pool.</summary>
    public static unsafe void Map<TOp, T, TResult>(Workers workers, TOp op, ReadOnlySpan<T> x, Span<TResult> y) where TOp : struct, IUnary<T, TResult> where T : unmanaged where TResult : unmanaged
    {
        fixed (T* px = x)
        fixed (TResult* py = y[..x.Length])
            workers.For(x.Length, Grain, new MapBody<TOp, T, TResult>(op, px, py));
    }

    private readonly unsafe struct SimdBody<TOp, T>(TOp op, T* x, T* y) : IParallelBody where TOp : struct, IUnarySimd where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end) => Simd(op, new ReadOnlySpan<T>(x + start, end - start), new Span<T>(y + start, end - start));
    }

    private readonly unsafe struct MapBody<TOp, T, TResult>(TOp op, T* x, TResult* y) : IParallelBody where TOp : struct, IUnary<T, TResult> where T : unmanaged where TResult : unmanaged
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) y[i] = op.Invoke(x[i]);
        }
    }
}
