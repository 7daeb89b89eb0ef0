using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class GridSampleCpu
{
    public static StepFn Bind(GridSample op, BindContext b)
    {
        Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        if (y.Elements == 0) return (in StepContext c) => { };
        var mode = op.Mode switch { Interpolation.Nearest => SampleMode.Nearest, Interpolation.Linear => SampleMode.Linear, _ => SampleMode.Cubic };
        var padding = op.Padding switch { GridPadding.Zeros => SamplePadding.Zeros, GridPadding.Border => SamplePadding.Border, _ => SamplePadding.Reflection };
        int Size(int fromEnd) => x.Rank - fromEnd >= 2 ? x.Int(x.Rank - fromEnd) : 1;
        return Dispatch.Number(b, new Binder(b, new(x.Int(0), x.Int(1), x.Rank - 2, Size(3), Size(2), Size(1), y.Count(2, y.Rank), mode, padding, op.AlignCorners)));
    }

    private readonly struct Binder(BindContext b, GridSampling.Spec spec) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var s = spec;
            if (b.In(1).DType == b.In(0).DType) return (in StepContext c) => GridSampling.Run(c.Workers, s, (T*)c.InPointer(0), (T*)c.InPointer(1), (T*)c.OutPointer(0));
            throw b.Unsupported(1);
        }
    }
}
