using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Softmax family, ArgMax and ArgMin, CumSum: all walk [outer, length, inner] along the middle.</summary>
internal static class AlongAxisCpu
{
    public static StepFn BindSoftmax(SoftmaxBase op, BindContext b) => Dispatch.Float(b, new SoftmaxBinder(op switch
    {
        LogSoftmax => SoftmaxKind.Log,
        Hardmax => SoftmaxKind.Hard,
        _ => SoftmaxKind.Softmax,
    }, op.Split(b.In(0).Shape)));

    public static StepFn BindArg(ArgExtreme op, BindContext b) => Dispatch.Number(b, new ArgBinder(op is ArgMax, op.SelectsLast, Split(b.In(0).Shape, op.Axis(b.In(0).Shape))));

    public static StepFn BindCumSum(CumSum op, BindContext b) => Dispatch.Number(b, new CumSumBinder(op, b.In(0).Shape, b.In(1).DType));

    private static (int Outer, int Length, int Inner) Split(Shape x, int axis) =>
        x.Rank == 0 ? (1, 1, 1) : (Checked.Int(x.Product(0, axis)), x.Int(axis), Checked.Int(x.Product(axis + 1, x.Rank)));

    private readonly struct SoftmaxBinder(SoftmaxKind kind, (int Outer, int Length, int Inner) split) : IFloatBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (k, s) = (kind, split);
            return (in StepContext c) => SoftmaxLoop.Run(c.Workers, k, s.Outer, s.Length, s.Inner, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }

    private readonly struct ArgBinder(bool largest, bool last, (int Outer, int Length, int Inner) split) : INumberBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (max, end, s) = (largest, last, split);
            return (in StepContext c) => AlongAxis.ArgExtreme(c.Workers, max, end, s.Outer, s.Length, s.Inner, (T*)c.InPointer(0), (long*)c.OutPointer(0));
        }
    }

    private readonly struct CumSumBinder(CumSum op, Shape shape, DType axisType) : INumberBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (o, x, type) = (op, shape, axisType);
            return (in StepContext c) =>
            {
                long axis = type == DType.I32 ? c.In<int>(1)[0] : c.In<long>(1)[0];
                var s = Split(x, x.Axis(axis));
                T* from = (T*)c.InPointer(0), to = (T*)c.OutPointer(0);
                if (typeof(T) == typeof(float)) AlongAxis.CumulativeSum<T, double>(c.Workers, o.Exclusive, o.Reverse, s.Outer, s.Length, s.Inner, from, to);
                else AlongAxis.CumulativeSum<T, T>(c.Workers, o.Exclusive, o.Reverse, s.Outer, s.Length, s.Inner, from, to);
            };
        }
    }
}
