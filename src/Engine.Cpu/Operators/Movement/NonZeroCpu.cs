using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class NonZeroCpu
{
    public static void Run(NonZero op, DynamicContext c)
    {
        var x = c.Tensor(0);
        int width = x.DType.BitWidth() / 8;
        if (width == 0) throw new UnsupportedException($"{c.Node.Describe()}: element type {x.DType.Display()} is not supported");
        var found = new List<long>();
        var bytes = x.Bytes;
        bool isFloat = x.DType is DType.F32 or DType.F64 or DType.F16 or DType.BF16;
        for (int i = 0; i < x.Shape.Count; i++)
        {
            var e = bytes.Slice(i * width, width);
            // Minus zero is zero: leave the sign bit of floats out of the test.
            if (e[..^1].ContainsAnyExcept((byte)0) || (isFloat ? e[^1] & 0x7F : e[^1]) != 0) found.Add(i);
        }
        int rank = Math.Max(1, x.Shape.Rank);
        var y = c.Allocate(DType.I64, new Shape(rank, found.Count));
        var s = y.Span<long>();
        var strides = x.Shape.Rank == 0 ? [1] : x.Shape.Strides();
        for (int k = 0; k < found.Count; k++)
        {
            long rest = found[k];
            for (int d = 0; d < rank; d++)
            {
                s[d * found.Count + k] = rest / strides[d];
                rest %= strides[d];
            }
        }
        c.Set(0, y);
    }
}
