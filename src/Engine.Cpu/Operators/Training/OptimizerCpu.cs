using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Optimizer steps in the element type's own precision.</summary>
internal static class OptimizerCpu
{
    public static StepFn Bind<TOp>(TOp op, BindContext b) where TOp : Optimizer => Dispatch.Float(b, new Binder(op, op.Tensors(b.InputCount)), 2);

    private readonly struct Binder(Optimizer op, int tensors) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (o, n) = (op, tensors);
            return (in StepContext c) =>
            {
                double rate = c.InputRefs[0].Bytes == sizeof(float) ? c.In<float>(0)[0] : c.In<double>(0)[0], t = c.In<long>(1)[0];
                for (int i = 0; i < n; i++) Step<T>(o, n, i, rate, t, c);
            };
        }

        private static void Step<T>(Optimizer op, int n, int i, double rate, double t, in StepContext c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            ReadOnlySpan<T> x = c.In<T>(2 + i), g = c.In<T>(2 + n + i), s0 = c.In<T>(2 + 2 * n + i), s1 = op.States > 1 ? c.In<T>(2 + 3 * n + i) : default;
            Span<T> y = c.Out<T>(i), n0 = c.Out<T>(n + i), n1 = op.States > 1 ? c.Out<T>(2 * n + i) : default;
            for (int j = 0; j < x.Length; j++)
            {
                double v = double.CreateTruncating(x[j]), gradient = op.NormCoefficient * v + double.CreateTruncating(g[j]), first = double.CreateTruncating(s0[j]), second = 0;
                switch (op)
                {
                    case Adagrad o:
                        first += gradient * gradient;
                        v -= rate / (1 + t * o.DecayFactor) * gradient / (Math.Sqrt(first) + o.Epsilon);
                        break;
                    case Adam o:
                        first = o.Alpha * first + (1 - o.Alpha) * gradient;
                        second = o.Beta * double.CreateTruncating(s1[j]) + (1 - o.Beta) * gradient * gradient;
                        double adjusted = t > 0 ? rate * Math.Sqrt(1 - Math.Pow(o.Beta, t)) / (1 - Math.Pow(o.Alpha, t)) : rate;
                        v = (1 - o.NormCoefficientPost) * (v - adjusted * first / (Math.Sqrt(second) + o.Epsilon));
                        break;
                    case Momentum o:
                        first = o.Alpha * first + (t > 0 ? o.Beta : 1) * gradient;
                        v -= rate * (o.IsNesterov ? gradient + o.Alpha * first : first);
                        break;
                }
                if (!y.IsEmpty) y[j] = T.CreateTruncating(v);
                if (!n0.IsEmpty) n0[j] = T.CreateTruncating(first);
                if (!n1.IsEmpty) n1[j] = T.CreateTruncating(second);
            }
        }
    }
}
