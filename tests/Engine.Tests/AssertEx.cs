using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Comparisons of tensors.</summary>
internal static class AssertEx
{
    /// <summary>Same shape, every element within |expected| · tolerance + tolerance.</summary>
    public static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        for (int i = 0; i < expected.Shape.Count; i++)
        {
            double e = At(expected, i), a = At(actual, i);
            Assert.True(e.Equals(a) || Math.Abs(e - a) <= tolerance * (1 + Math.Abs(e)), $"element {i}: expected {e}, got {a}");
        }
    }

    /// <summary>
    /// Once warm, <paramref name="action"/> allocates nothing on this thread. A collection that another test starts can move the thread's
    /// count by part of an allocation block, so a count must repeat to be believed; what the action allocates does.
    /// </summary>
    public static void AllocatesNothing(Action action)
    {
        long allocated = 0;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            for (int i = 0; i < 5; i++) action();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++) action();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated == 0) return;
        }
        Assert.Fail($"20 calls allocate {allocated} bytes");
    }

    private static double At(Tensor t, int i) => t.DType switch
    {
        DType.F32 => t.Span<float>()[i],
        DType.F64 => t.Span<double>()[i],
        DType.F16 => (double)t.Span<Half>()[i],
        _ => t.ToLongs()[i],
    };
}
