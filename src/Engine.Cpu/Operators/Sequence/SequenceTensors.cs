using System.Collections.Immutable;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Between one tensor and a sequence of its parts.</summary>
internal static class SequenceTensors
{
    public static void Split(SplitToSequence op, DynamicContext c)
    {
        var x = c.Tensor(0);
        int axis = TensorMove.Axis(x.Shape, op.Axis);
        bool drop = !c.Has(1) && !op.KeepDims;
        var items = ImmutableList.CreateBuilder<RuntimeValue>();
        long at = 0;
        foreach (long length in Lengths(c, x.Shape, axis))
        {
            c.Cancellation.ThrowIfCancellationRequested();
            var part = TensorMove.Slice(c, x, axis, at, length);
            at += length;
            items.Add(drop ? part.Reshape(new Shape([.. x.Shape.Dims[..axis], .. x.Shape.Dims[(axis + 1)..]])) : part);
        }
        c.Set(0, new TensorSequence(items.ToImmutable(), x.DType));
    }

    public static void Concat(ConcatFromSequence op, DynamicContext c)
    {
        var items = c.Sequence(0).Items.Select(v => v as Tensor ?? throw new OperatorException("the sequence holds values that are no tensors")).ToList();
        if (items.Count == 0) throw new OperatorException("the sequence is empty");
        if (op.NewAxis)
        {
            int axis = items[0].Shape.Axis(op.Axis, 1);
            if (items.Any(t => t.Shape != items[0].Shape)) throw new OperatorException("tensors of different shapes cannot be stacked");
            var dims = items[0].Shape.Dims;
            var shape = new Shape([.. dims[..axis], 1, .. dims[axis..]]);
            c.Set(0, TensorMove.Concat(c, [.. items.Select(t => t.Reshape(shape))], axis));
        }
        else c.Set(0, TensorMove.Concat(c, items, TensorMove.Axis(items[0].Shape, op.Axis)));
    }

    private static long[] Lengths(DynamicContext c, Shape x, int axis)
    {
        long n = x[axis];
        if (c.Has(1) && c.Tensor(1).Shape.Rank > 0)
        {
            var given = c.Tensor(1).ToLongs();
            long sum = 0;
            foreach (long l in given) sum = Checked.Add(sum, l);
            return sum == n ? given : throw new OperatorException($"parts of {sum} elements do not fill an axis of {n}");
        }
        long each = c.Has(1) ? ScalarValue.ToLong(c.Tensor(1), "split") : 1;
        if (each <= 0) throw new OperatorException($"parts of {each} elements");
        var lengths = new long[TensorMove.Bounded(x, Checked.CeilDiv(n, each))];
        for (int i = 0; i < lengths.Length; i++) lengths[i] = Math.Min(each, n - i * each);
        return lengths;
    }
}
