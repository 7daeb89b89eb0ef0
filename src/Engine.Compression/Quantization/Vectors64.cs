using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Compression;

/// <summary>Loops over vectors of binary64. Sums depend on the vector width, and so may their last bits.</summary>
internal static class Vectors64
{
    /// <summary>How many of <paramref name="count"/> elements whole vectors take. None where the processor has no vectors: what stands in for them is many times slower than a plain loop.</summary>
    public static int Whole<T>(int count) => Vector.IsHardwareAccelerated ? count - count % Vector<T>.Count : 0;

    /// <summary>Σ a·b.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b) => Dot(ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), a.Length);

    /// <summary>Σ a·b over <paramref name="count"/> elements.</summary>
    public static double Dot(ref double a, ref double b, int count)
    {
        nuint w = (nuint)Vector<double>.Count, i = 0, n = (nuint)count, whole = (nuint)Whole<double>(count);
        Vector<double> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; i + 4 * w <= whole; i += 4 * w)
        {
            s0 += Vector.LoadUnsafe(ref a, i) * Vector.LoadUnsafe(ref b, i);
            s1 += Vector.LoadUnsafe(ref a, i + w) * Vector.LoadUnsafe(ref b, i + w);
            s2 += Vector.LoadUnsafe(ref a, i + 2 * w) * Vector.LoadUnsafe(ref b, i + 2 * w);
            s3 += Vector.LoadUnsafe(ref a, i + 3 * w) * Vector.LoadUnsafe(ref b, i + 3 * w);
        }
        double sum = Vector.Sum(s0 + s1 + s2 + s3);
        for (; i < n; i++) sum += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        return sum;
    }

    /// <summary>y += x · factor.</summary>
    public static void AddScaled(Span<double> y, ReadOnlySpan<double> x, double factor)
    {
        ref double to = ref MemoryMarshal.GetReference(y), from = ref MemoryMarshal.GetReference(x);
        nuint w = (nuint)Vector<double>.Count, i = 0, n = (nuint)y.Length, whole = (nuint)Whole<double>(y.Length);
        var f = new Vector<double>(factor);
        for (; i < whole; i += w) (Vector.LoadUnsafe(ref to, i) + f * Vector.LoadUnsafe(ref from, i)).StoreUnsafe(ref to, i);
        for (; i < n; i++) Unsafe.Add(ref to, i) += factor * Unsafe.Add(ref from, i);
    }

    /// <summary>x, y ← c·x − s·y, s·x + c·y.</summary>
    public static void Turn(Span<double> x, Span<double> y, double cosine, double sine)
    {
        ref double a = ref MemoryMarshal.GetReference(x), b = ref MemoryMarshal.GetReference(y);
        nuint w = (nuint)Vector<double>.Count, i = 0, n = (nuint)x.Length, whole = (nuint)Whole<double>(x.Length);
        Vector<double> c = new(cosine), s = new(sine);
        for (; i < whole; i += w)
        {
            Vector<double> u = Vector.LoadUnsafe(ref a, i), v = Vector.LoadUnsafe(ref b, i);
            (c * u - s * v).StoreUnsafe(ref a, i);
            (s * u + c * v).StoreUnsafe(ref b, i);
        }
        for (; i < n; i++)
        {
            double u = Unsafe.Add(ref a, i), v = Unsafe.Add(ref b, i);
            Unsafe.Add(ref a, i) = cosine * u - sine * v;
            Unsafe.Add(ref b, i) = sine * u + cosine * v;
        }
    }
}
