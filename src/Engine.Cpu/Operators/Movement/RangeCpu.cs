using System.Numerics;
using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class RangeCpu
{
    public static StepFn Bind(RangeOf _, BindContext b) => Dispatch.Number(b, new Binder());

    private readonly struct Binder : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => static (in StepContext c) =>
        {
            var y = c.Out<T>(0);
            if (y.IsEmpty) return;
            T start = c.In<T>(0)[0], delta = c.In<T>(2)[0];
            for (int i = 0; i < y.Length; i++) y[i] = unchecked(start + T.CreateTruncating(i) * delta);
        };
    }
}
