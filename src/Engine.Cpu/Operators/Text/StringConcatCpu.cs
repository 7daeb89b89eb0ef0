using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class StringConcatCpu
{
    // A string of the runtime has at most 2³⁰ − 33 characters.
    private const long MaxLength = 0x3FFFFFDF;

    public static void Run(StringConcat _, DynamicContext c)
    {
        Tensor a = c.Tensor(0), b = c.Tensor(1);
        var shape = Shape.Broadcast(a.Shape, b.Shape);
        var (left, right) = (Places(a, shape), Places(b, shape));
        var y = c.Allocate(DType.String, shape);
        for (int i = 0; i < left.Length; i++)
        {
            if ((i & 1023) == 0) c.Cancellation.ThrowIfCancellationRequested();
            string s = a.Strings[left[i]], t = b.Strings[right[i]];
            if ((long)s.Length + t.Length > MaxLength) throw new MemoryLimitException($"a string of {(long)s.Length + t.Length} characters is too long");
            y.Strings[i] = s + t;
        }
        c.Set(0, y);
    }

    // For each element of the broadcast shape, the element of x it reads.
    private static int[] Places(Tensor x, Shape shape)
    {
        var own = new int[x.Shape.Count];
        for (int i = 0; i < own.Length; i++) own[i] = i;
        var strides = new long[shape.Rank];
        var ownStrides = x.Shape.Strides();
        for (int i = 0; i < ownStrides.Length; i++)
            if (x.Shape[i] != 1) strides[shape.Rank - ownStrides.Length + i] = ownStrides[i];
        var places = new int[shape.Count];
        StridedCopy.Run<int>(Workers.Single, own, 0, shape.Dims, strides, places);
        return places;
    }
}
