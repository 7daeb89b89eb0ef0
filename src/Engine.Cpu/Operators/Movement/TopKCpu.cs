using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class TopKCpu
{
    public static StepFn Bind(TopK op, BindContext b)
    {
        var x = b.In(0).Shape;
        var y = b.HasOut(0) ? b.Out(0).Shape : b.Out(1).Shape;
        if (y.Elements == 0) return static (in StepContext _) => { };
        int axis = op.Axis(x);
        // The selection needs both results to work in.
        int values = b.HasOut(0) ? -1 : b.Work(b.In(0).DType.ByteCount(y.Elements)), indices = b.HasOut(1) ? -1 : b.Work(Checked.Mul(y.Elements, sizeof(long)));
        return Dispatch.Number(b, new Binder(op.Largest, Checked.Int(x.Product(0, axis)), x.Int(axis), Checked.Int(x.Product(axis + 1, x.Rank)), y.Int(axis), values, indices));
    }

    private readonly struct Binder(bool largest, int outer, int n, int inner, int k, int valuesWork, int indicesWork) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => largest ? Bind<T, GreatestFirst<T>>() : Bind<T, LeastFirst<T>>();

        private StepFn Bind<T, TOrder>() where T : unmanaged where TOrder : struct, ISelectOrder<T>
        {
            var (lines, length, stride, count, v, i) = (outer, n, inner, k, valuesWork, indicesWork);
            return (in StepContext c) => TopKSelect.Run<T, TOrder>(c.Workers, (T*)c.InPointer(0), (T*)(v < 0 ? c.OutPointer(0) : c.WorkPointer(v)), (long*)(i < 0 ? c.OutPointer(1) : c.WorkPointer(i)), lines, length, stride, count);
        }
    }
}
