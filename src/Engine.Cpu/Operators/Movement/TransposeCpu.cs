using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class TransposeCpu
{
    public static StepFn Bind(Transpose op, BindContext b)
    {
        var x = b.In(0).Shape;
        var strides = x.Strides();
        var permuted = op.Permutation(x.Rank).Select(p => strides[p]).ToArray();
        return Dispatch.Width(b, new Binder(b.Out(0).Shape.ToArray(), permuted));
    }

    private readonly struct Binder(long[] dims, long[] strides) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (d, s) = (dims, strides);
            return (in StepContext c) => StridedCopy.Run(c.Workers, c.In<T>(0), 0, d, s, c.Out<T>(0));
        }
    }
}
