using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class GatherNDCpu
{
    public static StepFn Bind(GatherND op, BindContext b)
    {
        Shape x = b.In(0).Shape, i = b.In(1).Shape;
        int batch = (int)op.BatchDims, depth = i.Int(i.Rank - 1), width = Dispatch.Bytes(b, b.In(0).DType);
        if (b.Out(0).Elements == 0) return static (in StepContext _) => { };
        int rows = Checked.Int(i.Product(0, i.Rank - 1)), perBatch = Checked.Int(i.Product(batch, i.Rank - 1));
        long batchStride = x.Product(batch, x.Rank), row = x.Product(batch + depth, x.Rank) * width;
        var (dims, strides) = (x.ToArray()[batch..], x.Strides()[batch..]);
        return (in StepContext c) => GatherCoordinates.Run(c.Workers, c.InPointer(0), new CoordinateRows((long*)c.InPointer(1), depth, dims, strides), c.OutPointer(0), rows, perBatch, batchStride, width, row);
    }
}
