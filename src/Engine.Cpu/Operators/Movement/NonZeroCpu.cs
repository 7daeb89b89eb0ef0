using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class NonZeroCpu
{
    public static void Run(NonZero _, DynamicContext c)
    {
        var x = c.Tensor(0);
        // Minus zero is zero: the sign bit of types that have one is left out of the test.
        switch (x.DType)
        {
            case DType.F32: Find(c, x, (uint)int.MaxValue); break;
            case DType.F64: Find(c, x, (ulong)long.MaxValue); break;
            case DType.F16 or DType.BF16: Find(c, x, (ushort)short.MaxValue); break;
            case DType.F8E4M3FN or DType.F8E5M2: Find(c, x, (byte)sbyte.MaxValue); break;
            case var t when t.BitWidth() == 8: Find(c, x, byte.MaxValue); break;
            case DType.I16 or DType.U16: Find(c, x, ushort.MaxValue); break;
            case DType.I32 or DType.U32: Find(c, x, uint.MaxValue); break;
            case DType.I64 or DType.U64: Find(c, x, ulong.MaxValue); break;
            default: throw new UnsupportedException($"{c.Node.Describe()}: element type {x.DType.Display()} is not supported");
        }
    }

    private static void Find<T>(DynamicContext c, Tensor x, T mask) where T : unmanaged, IBinaryInteger<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(x.Bytes);
        int count = 0;
        foreach (T v in values)
            if ((v & mask) != T.Zero) count++;
        int rank = Math.Max(1, x.Shape.Rank);
        var y = c.Allocate(DType.I64, new Shape(rank, count));
        var indices = y.Span<long>();
        var strides = x.Shape.Rank == 0 ? [1] : x.Shape.Strides();
        for (int i = 0, k = 0; k < count; i++)
        {
            if ((values[i] & mask) == T.Zero) continue;
            long rest = i;
            for (int d = 0; d < rank; d++) (indices[d * count + k], rest) = Math.DivRem(rest, strides[d]);
            k++;
        }
        c.Set(0, y);
    }
}
