using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Slices of tensors of any element type, strings and packed ones included, for operators that allocate their outputs.</summary>
internal static class TensorMove
{
    /// <summary>Copies <paramref name="count"/> consecutive elements.</summary>
    public static void Copy(Tensor from, long fromAt, Tensor to, long toAt, long count)
    {
        if (count == 0) return;
        if (from.DType != to.DType) throw new OperatorException($"element types {from.DType.Display()} and {to.DType.Display()} differ");
        if (from.DType == DType.String)
        {
            Array.Copy(from.Strings, fromAt, to.Strings, toAt, count);
            return;
        }
        if (from.DType.IsPacked() && ((fromAt | toAt | count) & 1) != 0)
        {
            for (long i = 0; i < count; i++) Packed4.Set(to.Bytes, toAt + i, Packed4.Get(from.Bytes, fromAt + i));
            return;
        }
        int bits = from.DType.BitWidth();
        from.Bytes.Slice(Checked.Int(fromAt * bits / 8), Checked.Int(count * bits / 8)).CopyTo(to.Bytes[Checked.Int(toAt * bits / 8)..]);
    }

    /// <summary>The slices of <paramref name="x"/> along an axis that <paramref name="indices"/> (all in range) name.</summary>
    public static Tensor Take(DynamicContext c, Tensor x, int axis, ReadOnlySpan<int> indices)
    {
        var shape = x.Shape.With(axis, indices.Length);
        var y = c.Allocate(x.DType, shape);
        if (shape.Elements == 0) return y;
        long inner = x.Shape.Product(axis + 1, x.Shape.Rank), n = x.Shape[axis], outer = x.Shape.Product(0, axis), at = 0;
        for (long o = 0; o < outer; o++)
            foreach (int i in indices)
            {
                Copy(x, (o * n + i) * inner, y, at, inner);
                at += inner;
            }
        return y;
    }

    /// <summary>The slices [start, start + length) along an axis.</summary>
    public static Tensor Slice(DynamicContext c, Tensor x, int axis, long start, long length)
    {
        var shape = x.Shape.With(axis, length);
        var y = c.Allocate(x.DType, shape);
        if (shape.Elements == 0) return y;
        long inner = x.Shape.Product(axis + 1, x.Shape.Rank), n = x.Shape[axis], outer = x.Shape.Product(0, axis);
        for (long o = 0; o < outer; o++) Copy(x, (o * n + start) * inner, y, o * length * inner, length * inner);
        return y;
    }

    /// <summary>Tensors one after the other along an axis; shapes must agree but for it.</summary>
    public static Tensor Concat(DynamicContext c, IReadOnlyList<Tensor> items, int axis)
    {
        var first = items[0].Shape;
        long sum = 0;
        foreach (var t in items)
        {
            if (t.DType != items[0].DType || t.Shape.Rank != first.Rank || t.Shape.With(axis, 0) != first.With(axis, 0)) throw new OperatorException($"{items[0]} and {t} cannot be joined along axis {axis}");
            sum = Checked.Add(sum, t.Shape[axis]);
        }
        var y = c.Allocate(items[0].DType, first.With(axis, sum));
        if (y.Shape.Elements == 0) return y;
        long pitch = y.Shape.Product(axis, first.Rank), rows = first.Product(0, axis), at = 0;
        foreach (var t in items)
        {
            long length = t.Shape.Product(axis, first.Rank);
            for (long r = 0; r < rows; r++) Copy(t, r * length, y, r * pitch + at, length);
            at += length;
        }
        return y;
    }

    /// <summary>The axis of a shape that has at least one.</summary>
    public static int Axis(Shape shape, long axis) => shape.Rank == 0 ? throw new OperatorException($"axis {axis} is outside a scalar") : shape.Axis(axis);

    /// <summary>A count along an axis of <paramref name="shape"/>. Where the shape has no elements only this bounds it.</summary>
    public static int Bounded(Shape shape, long count) =>
        count <= Math.Max(shape.Elements, 1 << 20) ? Checked.Int(count) : throw new MemoryLimitException($"{count} slices of an empty tensor {shape} are too many");
}
