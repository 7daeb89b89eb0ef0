using System.Numerics;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Max, Min, Sum, Mean: folds inputs into the output one by one.</summary>
internal static class VariadicCpu
{
    public static StepFn Bind<TOp>(BindContext b, bool mean = false) where TOp : struct, IBinarySimd
    {
        var y = b.Out(0).Shape;
        // The first plan joins inputs 0 and 1, or copies input 0 (joined with itself) where it is alone.
        var plans = new BroadcastPlan[Math.Max(1, b.InputCount - 1)];
        plans[0] = new BroadcastPlan(y, b.In(0).Shape, b.In(Math.Min(1, b.InputCount - 1)).Shape);
        for (int i = 1; i < plans.Length; i++) plans[i] = new BroadcastPlan(y, y, b.In(i + 1).Shape);
        return Dispatch.Number(b, new Binder<TOp>(plans, b.InputCount, mean ? 1.0 / b.InputCount : 1));
    }

    private readonly struct Binder<TOp>(BroadcastPlan[] plans, int inputs, double scale) : INumberBinder where TOp : struct, IBinarySimd
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (p, factor) = (plans, scale);
            if (inputs == 1) return (in StepContext c) => c.In<T>(0).CopyTo(c.Out<T>(0));
            return (in StepContext c) =>
            {
                var y = c.Out<T>(0);
                BinaryLoop.Simd(c.Workers, p[0], default(TOp), c.In<T>(0), c.In<T>(1), y);
                for (int i = 1; i < p.Length; i++) BinaryLoop.Simd(c.Workers, p[i], default(TOp), y, c.In<T>(i + 1), y);
                if (factor != 1) UnaryLoop.Simd(c.Workers, new ScaleOp(factor), y, y);
            };
        }
    }
}
