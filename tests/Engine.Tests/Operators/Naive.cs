using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Plain loops over coordinates, to compare movement operators with.</summary>
internal static class Naive
{
    /// <summary>A random shape of the given rank: short dimensions, ones now and then, zeros when allowed.</summary>
    public static Shape RandomShape(Random r, int rank, bool zeros = false, int longest = 7) =>
        new([.. Enumerable.Range(0, rank).Select(_ => (long)(zeros && r.Next(12) == 0 ? 0 : r.Next(5) == 0 ? 1 : r.Next(1, longest + 1)))]);

    /// <summary>The elements 0, 1, 2, …</summary>
    public static Tensor Ramp(Shape shape) => Tensor.From(shape, Enumerable.Range(0, shape.Count).Select(i => (float)i).ToArray());

    /// <summary>Small integers, so that equal ones occur.</summary>
    public static Tensor Few(Random r, Shape shape, int values = 5) => Tensor.From(shape, Enumerable.Range(0, shape.Count).Select(_ => (float)r.Next(values)).ToArray());

    /// <summary>Indices in [−n, n).</summary>
    public static Tensor Indices(Random r, Shape shape, long n) => Tensor.From(shape, Enumerable.Range(0, shape.Count).Select(_ => r.NextInt64(-n, n)).ToArray());

    /// <summary>The tensor whose element at each coordinate is what <paramref name="at"/> says.</summary>
    public static float[] Build(Shape shape, Func<long[], float> at) => [.. Coordinates(shape).Select(at)];

    /// <summary>Every coordinate, row-major.</summary>
    public static IEnumerable<long[]> Coordinates(Shape shape)
    {
        for (long i = 0; i < shape.Elements; i++)
        {
            var c = new long[shape.Rank];
            long rest = i;
            for (int d = shape.Rank - 1; d >= 0; d--)
            {
                c[d] = rest % shape[d];
                rest /= shape[d];
            }
            yield return c;
        }
    }

    /// <summary>The element at a coordinate.</summary>
    public static T At<T>(this Tensor t, params IReadOnlyList<long> c) where T : unmanaged => t.Span<T>()[Offset(t.Shape, c)];

    /// <summary>Row-major position of a coordinate.</summary>
    public static int Offset(Shape s, IReadOnlyList<long> c)
    {
        long at = 0;
        for (int d = 0; d < s.Rank; d++) at = at * s[d] + c[d];
        return (int)at;
    }

    /// <summary>The index counted from the start.</summary>
    public static long Wrap(long i, long n) => i < 0 ? i + n : i;
}
