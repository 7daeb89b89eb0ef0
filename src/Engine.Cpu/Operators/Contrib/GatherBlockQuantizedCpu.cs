using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>GatherBlockQuantized whose operands are not all constant, or in a graph that is run as it is; with constants it becomes Gather (<see cref="Graph.NBitsLowering"/>).</summary>
internal static unsafe class GatherBlockQuantizedCpu
{
    public static StepFn Bind(GatherBlockQuantized op, BindContext b)
    {
        if (b.Out(0).DType != DType.F32) throw b.Unsupported(2);
        TensorType data = b.In(0), scales = b.In(2);
        TensorType? zeros = b.Has(3) ? b.In(3) : null;
        var x = op.Logical(data);
        int axis = op.GatherAxis(x), outer = x.Count(0, axis), count = b.In(1).Shape.Count;
        var table = new GatherCodes.Table(op.CodeBits(data.DType), data.DType == DType.I4, op.Layout(x, scales.Shape), x.Count(axis + 1, x.Rank), op.Middle(data.DType));
        bool wide = b.In(1).DType == DType.I64;
        int work = zeros is null ? -1 : b.Work(Checked.Mul(sizeof(float), scales.Elements));
        return (in StepContext c) =>
        {
            if (zeros is not null) op.ReadZeros(zeros, c.In<byte>(3), scales.Shape, c.Work<float>(work)[..scales.Shape.Count]);
            var o = new GatherCodes.Operands((nint)c.InPointer(0), (int)data.Bytes, (nint)c.InPointer(2), zeros is null ? 0 : (nint)c.WorkPointer(work), false, 0, 0);
            GatherCodes.Run(c.Workers, table, o, outer, x[axis], new IndexReader(c.InPointer(1), wide), count, (float*)c.OutPointer(0));
        };
    }
}
