using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class GatherElementsCpu
{
    public static StepFn Bind(GatherElements op, BindContext b) =>
        Dispatch.Width(b, new Binder(new AxisIndexing(b.In(0).Shape, b.In(1).Shape, op.Axis(b.In(0).Shape)), b.In(1).DType == DType.I64));

    private readonly struct Binder(AxisIndexing indexing, bool wide) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (g, w) = (indexing, wide);
            return (in StepContext c) => g.Gather(c.Workers, (T*)c.InPointer(0), new IndexReader(c.InPointer(1), w), (T*)c.OutPointer(0));
        }
    }
}
