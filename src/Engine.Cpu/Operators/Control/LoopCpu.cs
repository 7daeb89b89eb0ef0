using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class LoopCpu
{
    public static void Run(Loop op, DynamicContext c)
    {
        int carried = Math.Max(0, c.InputCount - 2);
        if (op.Body.Inputs.Count != carried + 2 || op.Body.Outputs.Count < carried + 1)
            throw new OperatorException($"the body takes {op.Body.Inputs.Count} inputs and gives {op.Body.Outputs.Count} outputs for {carried} carried values");
        long trips = c.Has(0) ? One(c.Tensor(0)) : long.MaxValue;
        bool condition = !c.Has(1) || Condition.Read(c.Tensor(1));
        var state = new RuntimeValue[carried];
        for (int i = 0; i < carried; i++) state[i] = c.Input(i + 2);
        int scans = op.Body.Outputs.Count - 1 - carried;
        var stacks = new List<Tensor>[scans];
        for (int s = 0; s < scans; s++) stacks[s] = [];

        for (long i = 0; i < trips && condition; i++)
        {
            c.Cancellation.ThrowIfCancellationRequested();
            var results = c.Run(op.Body, [Tensor.Scalar(i), Tensor.Scalar(condition), .. state]);
            condition = Condition.Read(results[0] as Tensor ?? throw new OperatorException("the body's condition is not a tensor"));
            for (int k = 0; k < carried; k++) state[k] = results[k + 1];
            for (int s = 0; s < scans; s++) stacks[s].Add(results[1 + carried + s] as Tensor ?? throw new OperatorException($"scan output {s} is not a tensor"));
        }
        for (int k = 0; k < carried; k++) c.Set(k, state[k]);
        for (int s = 0; s < scans; s++) c.Set(carried + s, Stack.Join(c, stacks[s], 0, false, op.Body.Outputs[1 + carried + s].Declared));
    }

    private static long One(Tensor t) => t.Shape.Elements == 1 ? t.ToLongs()[0] : throw new OperatorException($"a trip count must be one integer, got {t}");
}

/// <summary>Stacks slices of one type along a new axis.</summary>
internal static class Stack
{
    public static Tensor Join(DynamicContext c, List<Tensor> slices, int axis, bool backwards, DeclaredType? declared)
    {
        if (slices.Count == 0)
        {
            // No iteration ran: the declared type is the only witness of the slice's shape.
            var d = declared as DeclaredType.Tensor;
            var dims = d?.Dims?.Select(x => x.IsKnown ? x.Value : 0).ToList() ?? [];
            dims.Insert(Math.Min(axis, dims.Count), 0);
            return c.Allocate(d?.DType ?? DType.F32, new Shape([.. dims]));
        }
        var first = slices[0];
        if (slices.Any(s => s.DType != first.DType || s.Shape != first.Shape)) throw new OperatorException("scan outputs differ in type between iterations");
        if (first.DType.IsPacked() || first.DType == DType.String) throw new UnsupportedException($"scan outputs of {first.DType.Display()} are not supported");
        int rank = first.Shape.Rank + 1;
        if (axis < -rank || axis >= rank) throw new OperatorException($"scan output axis {axis} is outside rank {rank}");
        if (axis < 0) axis += rank;
        var shape = first.Shape.ToArray().ToList();
        shape.Insert(axis, slices.Count);
        var y = c.Allocate(first.DType, new Shape([.. shape]));
        int outer = Checked.Int(first.Shape.Product(0, axis)), bytes = outer == 0 ? 0 : Checked.Int(first.ByteLength) / outer;
        for (int s = 0; s < slices.Count; s++)
        {
            var from = slices[s].Bytes;
            int at = backwards ? slices.Count - 1 - s : s;
            for (int o = 0; o < outer; o++) from.Slice(o * bytes, bytes).CopyTo(y.Bytes.Slice((o * slices.Count + at) * bytes, bytes));
        }
        return y;
    }

    /// <summary>Slice <paramref name="index"/> along <paramref name="axis"/>, the axis removed.</summary>
    public static Tensor Slice(DynamicContext c, Tensor x, int axis, long index)
    {
        if (x.DType.IsPacked() || x.DType == DType.String) throw new UnsupportedException($"scan inputs of {x.DType.Display()} are not supported");
        var dims = x.Shape.ToArray().ToList();
        dims.RemoveAt(axis);
        var y = c.Allocate(x.DType, new Shape([.. dims]));
        int outer = Checked.Int(x.Shape.Product(0, axis)), n = x.Shape.Int(axis), bytes = outer == 0 || n == 0 ? 0 : Checked.Int(x.ByteLength) / (outer * n);
        for (int o = 0; o < outer; o++) x.Bytes.Slice(Checked.Int((o * n + index) * bytes), bytes).CopyTo(y.Bytes.Slice(o * bytes, bytes));
        return y;
    }
}
