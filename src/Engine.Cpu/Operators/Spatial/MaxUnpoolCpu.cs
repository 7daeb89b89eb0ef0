using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class MaxUnpoolCpu
{
    public static StepFn Bind(MaxUnpool op, BindContext b) => Dispatch.Width(b, new Binder(op.PooledShape(b.In(0).Shape).ToArray(), b.Out(0).Shape.ToArray()));

    private readonly struct Binder(long[] pooled, long[] output) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (from, to) = (pooled, output);
            return (in StepContext c) => Run(c.In<T>(0), c.In<long>(1), from, to, c.Out<T>(0));
        }

        // Indices count pixels of the pooled shape; a given output shape only adds or cuts pixels at the ends of the axes.
        private static void Run<T>(ReadOnlySpan<T> x, ReadOnlySpan<long> indices, long[] pooled, long[] output, Span<T> y)
        {
            y.Clear();
            for (int i = 0; i < x.Length; i++)
            {
                long rest = indices[i], at = 0, stride = 1;
                bool inside = rest >= 0;
                for (int d = pooled.Length - 1; d >= 0 && inside; d--)
                {
                    long index = d == 0 ? rest : rest % pooled[d];
                    rest = d == 0 ? 0 : rest / pooled[d];
                    inside = index < output[d] && index < pooled[d];
                    at += index * stride;
                    stride *= output[d];
                }
                if (!inside) throw new OperatorException($"index {indices[i]} at position {i} is outside the output {new Shape(output)}");
                y[(int)at] = x[i];
            }
        }
    }
}
