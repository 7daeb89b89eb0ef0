using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class WindowCpu
{
    public static StepFn Bind<TOp>(TOp op, BindContext b) where TOp : CosineWindow => Dispatch.NumberOut(b, new Binder([.. op.Coefficients], op.IsPeriodic));

    private readonly struct Binder(double[] coefficients, bool periodic) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (a, wraps) = (coefficients, periodic);
            return (in StepContext c) =>
            {
                var y = c.Out<T>(0);
                double step = 2 * Math.PI / Math.Max(1, wraps ? y.Length : y.Length - 1);
                for (int i = 0; i < y.Length; i++)
                {
                    double sum = 0;
                    for (int j = 0; j < a.Length; j++) sum += a[j] * Math.Cos(j * i * step);
                    y[i] = T.CreateSaturating(sum);
                }
            };
        }
    }
}
