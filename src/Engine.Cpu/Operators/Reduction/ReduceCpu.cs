using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Reduce operators: sums in f64 for floats and in 64 bits for integers, extremes in the element type.</summary>
internal static class ReduceCpu
{
    public static StepFn Bind<TOp>(TOp op, BindContext b) where TOp : Reduce
    {
        if (op.Reduced(b.In(0).Shape, b.Has(1) ? b.Value(1)!.ToLongs() : null) is not { } reduced) return (in StepContext c) => c.In<byte>(0).CopyTo(c.Out<byte>(0));
        var loop = new ReduceLoop(b.In(0).Shape, reduced);
        var binder = new Binder(op, loop);
        return b.In(0).DType == DType.Bool ? binder.Bind<byte>() : Dispatch.Number(b, binder);
    }

    private readonly struct Binder(Reduce op, ReduceLoop loop) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => op switch
        {
            _ when typeof(T) == typeof(float) => F32(),
            ReduceMax => Step<T, T, FoldReducer<T, T, MaxFold<T>>>(),
            ReduceMin => Step<T, T, FoldReducer<T, T, MinFold<T>>>(),
            ReduceLogSumExp => Step<T, LogSumExpReducer<T>.State, LogSumExpReducer<T>>(),
            _ when typeof(T) == typeof(double) => Wide<T, double>(),
            _ when T.IsNegative(T.Zero - T.One) => Wide<T, long>(),
            _ => Wide<T, ulong>(),
        };

        private StepFn Wide<T, TAcc>() where T : unmanaged, INumber<T> where TAcc : unmanaged, INumber<TAcc> => op switch
        {
            ReduceSum => Step<T, TAcc, FoldReducer<T, TAcc, SumFold<TAcc>>>(),
            ReduceMean => Step<T, TAcc, FoldReducer<T, TAcc, MeanFold<TAcc>>>(),
            ReduceProd => Step<T, TAcc, FoldReducer<T, TAcc, ProductFold<TAcc>>>(),
            ReduceL1 => Step<T, TAcc, FoldReducer<T, TAcc, L1Fold<TAcc>>>(),
            ReduceL2 => Step<T, TAcc, FoldReducer<T, TAcc, L2Fold<TAcc>>>(),
            ReduceLogSum => Step<T, TAcc, FoldReducer<T, TAcc, LogSumFold<TAcc>>>(),
            ReduceSumSquare => Step<T, TAcc, FoldReducer<T, TAcc, SquareFold<TAcc>>>(),
            _ => throw new UnsupportedException($"reduction {op.Name} has no kernel"),
        };

        private StepFn F32() => op switch
        {
            ReduceMax => Kernel<float, MaxFold<float>>(ReduceF32.Max),
            ReduceMin => Kernel<float, MinFold<float>>(ReduceF32.Min),
            ReduceSum => Kernel<double, SumFold<double>>(ReduceF32.Sum),
            ReduceMean => Kernel<double, MeanFold<double>>(ReduceF32.Sum),
            ReduceProd => Kernel<double, ProductFold<double>>(ReduceF32.Product),
            ReduceL1 => Kernel<double, L1Fold<double>>(ReduceF32.AbsoluteSum),
            ReduceL2 => Kernel<double, L2Fold<double>>(ReduceF32.SquareSum),
            ReduceLogSum => Kernel<double, LogSumFold<double>>(ReduceF32.Sum),
            ReduceSumSquare => Kernel<double, SquareFold<double>>(ReduceF32.SquareSum),
            ReduceLogSumExp => Step<float, LogSumExpReducer<float>.State, LogSumExpReducer<float>>(),
            _ => throw new UnsupportedException($"reduction {op.Name} has no kernel"),
        };

        private StepFn Kernel<TState, TFold>(KernelTable<ReduceF32.Fn<TState>> table) where TState : unmanaged, INumber<TState> where TFold : struct, IFold<TState> =>
            Step<float, TState, KernelReducer<TState, TFold>>(new(table.Best));

        private unsafe StepFn Step<T, TState, TReducer>(TReducer reducer = default) where T : unmanaged where TState : unmanaged where TReducer : struct, IReducer<T, TState>
        {
            var (walk, r) = (loop, reducer);
            return (in StepContext c) => walk.Run<T, TState, TReducer>(c.Workers, (T*)c.InPointer(0), (T*)c.OutPointer(0), r);
        }
    }
}
