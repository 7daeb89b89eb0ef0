using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class OneHotCpu
{
    public static StepFn Bind(OneHot op, BindContext b)
    {
        var type = b.In(0).DType;
        if (FloatConvert.IsReduced(type) || type.IsPacked()) throw b.Unsupported();
        var y = b.Out(0).Shape;
        int axis = op.Axis(b.In(0).Shape);
        if (y.Elements == 0) return static (in StepContext _) => { };
        return Dispatch.Width(b, b.Out(0).DType, new Binder(type, Checked.Int(y.Product(0, axis)), y.Int(axis), Checked.Int(y.Product(axis + 1, y.Rank))));
    }

    private readonly struct Binder(DType type, int outer, int depth, int inner) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            var (t, o, d, n) = (type, outer, depth, inner);
            return (in StepContext c) =>
            {
                var values = c.In<T>(2);
                c.Workers.For(o, (int)Math.Max(1, 32768L / d / n), new Body<T>(c.InPointer(0), t, values[0], values[1], (T*)c.OutPointer(0), d, n));
            };
        }
    }

    private readonly struct Body<T>(byte* indices, DType type, T off, T on, T* y, int depth, int inner) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            for (int o = start; o < end; o++)
            {
                T* block = y + (long)o * depth * inner;
                new Span<T>(block, depth * inner).Fill(off);
                for (int i = 0; i < inner; i++)
                {
                    long k = Index((long)o * inner + i);
                    if (k < 0) k += depth;
                    if ((ulong)k < (ulong)depth) block[k * inner + i] = on;
                }
            }
        }

        private long Index(long i) => type switch
        {
            DType.I64 => ((long*)indices)[i],
            DType.I32 => ((int*)indices)[i],
            DType.F32 => Whole(((float*)indices)[i]),
            DType.F64 => Whole(((double*)indices)[i]),
            DType.I8 => ((sbyte*)indices)[i],
            DType.U8 => indices[i],
            DType.I16 => ((short*)indices)[i],
            DType.U16 => ((ushort*)indices)[i],
            DType.U32 => ((uint*)indices)[i],
            _ => (long)Math.Min(((ulong*)indices)[i], long.MaxValue),
        };

        // NaN and numbers too large for an index lie out of every range.
        private static long Whole(double v) => Math.Abs(v) < 1e18 ? (long)v : long.MaxValue;
    }
}
