using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class ConvTransposeCpu
{
    public static StepFn Bind(ConvTranspose op, BindContext b)
    {
        var (x, w) = (b.In(0).Shape, b.In(1).Shape);
        var s = new ConvShape(x.Int(0), x.Int(1), b.Out(0).Shape.Int(1), op.Group, SpatialTypes.Window(op.Windows(x, w)));
        return Dispatch.Float(b, new Binder(s));
    }

    private readonly struct Binder(ConvShape s) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var shape = s;
            return (in StepContext c) => ConvTransposeKernel.Run(c.Workers, shape, (T*)c.InPointer(0), (T*)c.InPointer(1), (T*)c.InPointer(2), (T*)c.OutPointer(0));
        }
    }
}
