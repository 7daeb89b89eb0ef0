using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class Col2ImCpu
{
    public static StepFn Bind(Col2Im op, BindContext b)
    {
        var window = op.Windows(b.Value(1)!.ToLongs(), b.Value(2)!.ToLongs());
        return Dispatch.Number(b, new Binder([.. window.Select(SpatialTypes.Dim)], SpatialTypes.Planes(b.Out(0).Shape)));
    }

    private readonly struct Binder(WindowDim[] window, int planes) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (w, n) = (window, planes);
            return (in StepContext c) => ColumnsToImage.Run(c.Workers, n, w, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }
}
