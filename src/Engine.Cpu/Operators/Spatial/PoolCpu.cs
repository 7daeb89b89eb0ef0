using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Pools over windows and over whole channels, on plain tensors.</summary>
internal static unsafe class PoolCpu
{
    public static StepFn Average(AveragePool op, BindContext b) =>
        Rows(op.CountIncludePad ? PoolBlocked.Kind.AveragePadded : PoolBlocked.Kind.Average, op, b) ?? Dispatch.Float(b, new Binder(PoolKind.Average, op.CountIncludePad ? 1 : 0, SpatialTypes.Planes(b.In(0).Shape), SpatialTypes.Window(op.Windows(b.In(0).Shape))));

    public static StepFn Lp(LpPool op, BindContext b) => Dispatch.Float(b, new Binder(PoolKind.Lp, op.P, SpatialTypes.Planes(b.In(0).Shape), SpatialTypes.Window(op.Windows(b.In(0).Shape))));

    public static StepFn Max(MaxPool op, BindContext b) =>
        (b.HasOut(1) ? null : Rows(PoolBlocked.Kind.Max, op, b)) ?? Dispatch.Number(b, new MaxBinder(op.ColumnMajor, SpatialTypes.Planes(b.In(0).Shape), SpatialTypes.Window(op.Windows(b.In(0).Shape))));

    public static StepFn GlobalAverage(GlobalAveragePool op, BindContext b)
    {
        var x = b.In(0).Shape;
        int planes = SpatialTypes.Planes(x), pixels = x.Count(2, x.Rank);
        if (b.In(0).DType == DType.F32 && pixels > 0) return (in StepContext c) => RowNorm.Means(c.Workers, planes, pixels, (float*)c.InPointer(0), (float*)c.OutPointer(0));
        return Dispatch.Float(b, new Binder(PoolKind.Average, 0, planes, Whole(x)));
    }

    public static StepFn GlobalLp(GlobalLpPool op, BindContext b) => Dispatch.Float(b, new Binder(PoolKind.Lp, op.P, SpatialTypes.Planes(b.In(0).Shape), Whole(b.In(0).Shape)));

    public static StepFn GlobalMax(GlobalMaxPool op, BindContext b) => Dispatch.Number(b, new MaxBinder(false, SpatialTypes.Planes(b.In(0).Shape), Whole(b.In(0).Shape)));

    // The kernel of f32, or null.
    private static StepFn? Rows(PoolBlocked.Kind kind, Pool op, BindContext b)
    {
        if (b.In(0).DType != DType.F32 || b.Out(0).Elements == 0) return null;
        int planes = SpatialTypes.Planes(b.In(0).Shape);
        var w = SpatialTypes.Window(op.Windows(b.In(0).Shape));
        return PoolF32.Supports(w) ? (in StepContext c) => PoolF32.Run(c.Workers, kind, planes, w, (float*)c.InPointer(0), (float*)c.OutPointer(0)) : null;
    }

    // All spatial axes as one, read by a single window.
    private static Window3 Whole(Shape x)
    {
        int n = x.Count(2, x.Rank);
        return new(WindowDim.One, WindowDim.One, new WindowDim(n, 1, Math.Max(1, n), 1, 1, 0, 0));
    }

    private enum PoolKind { Average, Lp }

    private readonly struct Binder(PoolKind kind, double parameter, int planes, Window3 window) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (n, w) = (planes, window);
            if (kind == PoolKind.Lp)
            {
                var lp = new LpPooling<T>(parameter);
                return (in StepContext c) => Pooling.Run(c.Workers, n, w, (T*)c.InPointer(0), (T*)c.OutPointer(0), lp);
            }
            var average = new AveragePooling<T>(parameter != 0);
            return (in StepContext c) => Pooling.Run(c.Workers, n, w, (T*)c.InPointer(0), (T*)c.OutPointer(0), average);
        }
    }

    private readonly struct MaxBinder(bool columnMajor, int planes, Window3 window) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (n, w, order) = (planes, window, columnMajor);
            return (in StepContext c) => Pooling.Max(c.Workers, n, w, (T*)c.InPointer(0), (T*)c.OutPointer(0), (long*)c.OutPointer(1), order);
        }
    }
}
