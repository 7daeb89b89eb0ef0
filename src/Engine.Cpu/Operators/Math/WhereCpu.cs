using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class WhereCpu
{
    public static StepFn Bind(Where op, BindContext b) => Dispatch.Width(b, new Binder(new BroadcastPlan(b.Out(0).Shape, b.In(0).Shape, b.In(1).Shape, b.In(2).Shape)), 1);

    private readonly struct Binder(BroadcastPlan plan) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var p = plan;
            return (in StepContext c) => SelectLoop.Run(c.Workers, p, c.In<byte>(0), c.In<T>(1), c.In<T>(2), c.Out<T>(0));
        }
    }
}
