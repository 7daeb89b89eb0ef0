using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class GatherCpu
{
    public static StepFn Bind(Gather op, BindContext b)
    {
        var x = b.In(0).Shape;
        int axis = op.Axis(x), width = Dispatch.Bytes(b, b.In(0).DType);
        if (b.Out(0).Elements == 0) return static (in StepContext _) => { };
        int outer = Checked.Int(x.Product(0, axis)), count = b.In(1).Shape.Count;
        long length = x[axis], row = x.Product(axis + 1, x.Rank) * width;
        bool wide = b.In(1).DType == DType.I64;
        return (in StepContext c) => GatherRows.Run(c.Workers, c.InPointer(0), new IndexReader(c.InPointer(1), wide), c.OutPointer(0), outer, length, count, row);
    }
}
