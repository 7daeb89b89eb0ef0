using System.Numerics;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>A function of two elements, on vectors of any numeric lane type it is bound for.</summary>
public interface IBinarySimd
{
    /// <summary>The function on every pair of lanes.</summary>
    Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T>;
}

/// <summary>A function of two elements.</summary>
public interface IBinary<TA, TB, TResult>
{
    /// <summary>The function.</summary>
    TResult Invoke(TA a, TB b);
}

/// <summary>y = f(a, b) with broadcasting; y may be an operand of the same shape and type.</summary>
public static class BinaryLoop
{
    /// <summary>y[i] = f(a[i], b[i]) on the calling thread. The tail runs in vectors of one repeated element, so that every element takes the same path.</summary>
    public static void Simd<TOp, T>(TOp op, ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where TOp : struct, IBinarySimd where T : unmanaged, INumber<T>
    {
        a = a[..y.Length];
        b = b[..y.Length];
        ref T pa = ref MemoryMarshal.GetReference(a), pb = ref MemoryMarshal.GetReference(b), py = ref MemoryMarshal.GetReference(y);
        int i = 0, last = y.Length - Vector<T>.Count;
        for (; i <= last; i += Vector<T>.Count) op.Invoke(Vector.LoadUnsafe(ref pa, (nuint)i), Vector.LoadUnsafe(ref pb, (nuint)i)).StoreUnsafe(ref py, (nuint)i);
        for (; i < y.Length; i++) y[i] = op.Invoke(Vector.Create(a[i]), Vector.Create(b[i]))[0];
    }

    /// <summary>y[i] = f(a[i], b) on the calling thread.</summary>
    public static void Simd<TOp, T>(TOp op, ReadOnlySpan<T> a, T b, Span<T> y) where TOp : struct, IBinarySimd where T : unmanaged, INumber<T>
    {
        a = a[..y.Length];
        ref T pa = ref MemoryMarshal.GetReference(a), py = ref MemoryMarshal.GetReference(y);
        var vb = Vector.Create(b);
        int i = 0, last = y.Length - Vector<T>.Count;
        for (; i <= last; i += Vector<T>.Count) op.Invoke(Vector.LoadUnsafe(ref pa, (nuint)i), vb).StoreUnsafe(ref py, (nuint)i);
        for (; i < y.Length; i++) y[i] = op.Invoke(Vector.Create(a[i]), vb)[0];
    }

    /// <summary>y[i] = f(a, b[i]) on the calling thread.</summary>
    public static void Simd<TOp, T>(TOp op, T a, ReadOnlySpan<T> b, Span<T> y) where TOp : struct, IBinarySimd where T : unmanaged, INumber<T> =>
        Simd(new Swapped<TOp>(op), b, a, y);

    /// <summary>With broadcasting, over the pool.</summary>
    public static unsafe void Simd<TOp, T>(Workers workers, BroadcastPlan plan, TOp op, ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where TOp : struct, IBinarySimd where T : unmanaged, INumber<T>
    {
        fixed (T* pa = a, pb = b, py = y) plan.ForRows(workers, new SimdRows<TOp, T>(op, pa, pb, py, plan.InnerStride(0), plan.InnerStride(1)));
    }

    /// <summary>Element by element with broadcasting, over the pool.</summary>
    public static unsafe void Map<TOp, TA, TB, TResult>(Workers workers, BroadcastPlan plan, TOp op, ReadOnlySpan<TA> a, ReadOnlySpan<TB> b, Span<TResult> y)
        where TOp : struct, IBinary<TA, TB, TResult> where TA : unmanaged where TB : unmanaged where TResult : unmanaged
    {
        fixed (TA* pa = a)
        fixed (TB* pb = b)
        fixed (TResult* py = y)
            plan.ForRows(workers, new MapRows<TOp, TA, TB, TResult>(op, pa, pb, py, plan.InnerStride(0), plan.InnerStride(1)));
    }

    private readonly struct Swapped<TOp>(TOp op) : IBinarySimd where TOp : struct, IBinarySimd
    {
        public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, INumber<T> => op.Invoke(b, a);
    }

    private readonly unsafe struct SimdRows<TOp, T>(TOp op, T* a, T* b, T* y, int stepA, int stepB) : IRowBody where TOp : struct, IBinarySimd where T : unmanaged, INumber<T>
    {
        public void Row(ReadOnlySpan<long> operands, int to, int count)
        {
            T* pa = a + operands[0], pb = b + operands[1];
            var row = new Span<T>(y + to, count);
            if (stepA != 0 && stepB != 0) Simd(op, new ReadOnlySpan<T>(pa, count), new ReadOnlySpan<T>(pb, count), row);
            else if (stepA != 0) Simd(op, new ReadOnlySpan<T>(pa, count), *pb, row);
            else if (stepB != 0) Simd(op, *pa, new ReadOnlySpan<T>(pb, count), row);
            else row.Fill(op.Invoke(Vector.Create(*pa), Vector.Create(*pb))[0]);
        }
    }

    private readonly unsafe struct MapRows<TOp, TA, TB, TResult>(TOp op, TA* a, TB* b, TResult* y, int stepA, int stepB) : IRowBody
        where TOp : struct, IBinary<TA, TB, TResult> where TA : unmanaged where TB : unmanaged where TResult : unmanaged
    {
        public void Row(ReadOnlySpan<long> operands, int to, int count)
        {
            TA* pa = a + operands[0];
            TB* pb = b + operands[1];
            TResult* py = y + to;
            for (int i = 0; i < count; i++, pa += stepA, pb += stepB) py[i] = op.Invoke(*pa, *pb);
        }
    }
}
