using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>Seeded operands, and the check that a benchmark computes what it should before it is timed.</summary>
internal static class Operands
{
    /// <summary>f32 in [−½, ½), the same at every call.</summary>
    public static Tensor Random(params ReadOnlySpan<long> dims)
    {
        var t = Zeros(dims);
        var random = new Random(1);
        foreach (ref float x in t.Span<float>()) x = random.NextSingle() - 0.5f;
        return t;
    }

    /// <summary>f32 zeros.</summary>
    public static Tensor Zeros(params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        t.Bytes.Clear();
        return t;
    }

    /// <summary>Throws where the two differ by more than the tolerance, absolute and relative.</summary>
    public static void Check(Tensor expected, Tensor actual, double tolerance)
    {
        if (ValueComparer.Compare(expected, actual, tolerance, tolerance) is { } difference) throw new InvalidOperationException($"wrong result: {difference}");
    }
}
