using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class ScatterElementsCpu
{
    public static StepFn Bind(ScatterElements op, BindContext b) =>
        ScatterReductions.Bind(b, op.Reduction, new Joined(new AxisIndexing(b.In(0).Shape, b.In(1).Shape, op.Axis(b.In(0).Shape)), b.In(1).DType == DType.I64, b.In(0).Bytes));

    private readonly struct Joined(AxisIndexing indexing, bool wide, long bytes) : IJoinBinder
    {
        public StepFn Bind<T, TJoin>() where T : unmanaged where TJoin : struct, IScatterJoin<T>
        {
            var (g, w, n) = (indexing, wide, bytes);
            return (in StepContext c) =>
            {
                RowCopy.Run(c.Workers, c.InPointer(0), n, c.OutPointer(0), n, n, 1);
                g.Scatter<T, TJoin>(c.Workers, (T*)c.InPointer(2), new IndexReader(c.InPointer(1), w), (T*)c.OutPointer(0));
            };
        }
    }
}
