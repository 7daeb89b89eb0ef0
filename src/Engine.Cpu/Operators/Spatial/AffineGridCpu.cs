using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class AffineGridCpu
{
    public static StepFn Bind(AffineGrid op, BindContext b) => Dispatch.Float(b, new Binder(b.Out(0).Shape.ToArray(), op.AlignCorners));

    private readonly struct Binder(long[] dims, bool align) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (d, a) = (dims, align);
            return (in StepContext c) => Run(c.In<T>(0), d, a, c.Out<T>(0));
        }

        private static void Run<T>(ReadOnlySpan<T> theta, long[] dims, bool align, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            int rank = dims.Length - 2, at = 0;
            Span<double> point = stackalloc double[4];
            point[rank] = 1;
            long points = y.Length / Math.Max(1, dims[0] * rank);
            for (int n = 0; n < dims[0]; n++)
                for (long p = 0; p < points; p++)
                {
                    long rest = p;
                    // The point's coordinates, innermost axis first.
                    for (int i = 0; i < rank; i++)
                    {
                        long size = dims[rank - i];
                        double index = rest % size;
                        rest /= size;
                        point[i] = align ? size > 1 ? 2 * index / (size - 1) - 1 : 0 : (2 * index + 1) / size - 1;
                    }
                    for (int i = 0; i < rank; i++)
                    {
                        double sum = 0;
                        for (int k = 0; k <= rank; k++) sum += double.CreateTruncating(theta[(n * rank + i) * (rank + 1) + k]) * point[k];
                        y[at++] = T.CreateTruncating(sum);
                    }
                }
        }
    }
}
