using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>i32 or i64 indices; negative ones count from the end.</summary>
public readonly unsafe struct IndexReader(byte* indices, bool wide)
{
    /// <summary>Index <paramref name="i"/> in [0, <paramref name="n"/>); throws when it lies outside [−n, n).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long At(long i, long n)
    {
        long v = wide ? ((long*)indices)[i] : ((int*)indices)[i];
        long w = v < 0 ? v + n : v;
        if ((ulong)w >= (ulong)n) Throw(v, n);
        return w;
    }

    private static void Throw(long v, long n) => throw new OperatorException(n == 0 ? $"index {v} into an empty axis" : $"index {v} is outside [-{n}, {n - 1}]");
}
