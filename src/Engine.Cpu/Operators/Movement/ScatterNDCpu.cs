using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class ScatterNDCpu
{
    public static StepFn Bind(ScatterND op, BindContext b)
    {
        Shape x = b.In(0).Shape, i = b.In(1).Shape;
        int depth = i.Int(i.Rank - 1);
        bool empty = b.In(2).Elements == 0;
        int rows = empty ? 0 : Checked.Int(i.Product(0, i.Rank - 1)), columns = empty ? 0 : Checked.Int(x.Product(depth, x.Rank));
        return ScatterReductions.Bind(b, op.Reduction, new Joined(depth, x.ToArray(), x.Strides(), rows, columns, b.In(0).Bytes));
    }

    private readonly struct Joined(int depth, long[] dims, long[] strides, int rows, int columns, long bytes) : IJoinBinder
    {
        public StepFn Bind<T, TJoin>() where T : unmanaged where TJoin : struct, IScatterJoin<T>
        {
            var (k, d, s, r, w, n) = (depth, dims, strides, rows, columns, bytes);
            return (in StepContext c) =>
            {
                RowCopy.Run(c.Workers, c.InPointer(0), n, c.OutPointer(0), n, n, 1);
                ScatterCoordinates.Run<T, TJoin>(c.Workers, (T*)c.InPointer(2), new CoordinateRows((long*)c.InPointer(1), k, d, s), (T*)c.OutPointer(0), r, w);
            };
        }
    }
}
