using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Layer and RMS normalization.</summary>
internal static unsafe class LayerNormCpu
{
    public static StepFn Layer(LayerNormalization op, BindContext b) => Bind(op.Axis(b.In(0).Shape), op.Epsilon, true, b);

    public static StepFn Rms(RmsNormalization op, BindContext b) => Bind(op.Axis(b.In(0).Shape), op.Epsilon, false, b);

    private static StepFn Bind(int axis, double epsilon, bool centered, BindContext b)
    {
        var x = b.In(0).Shape;
        bool wide = b.HasOut(1) && b.Out(1).DType == DType.F64 || b.HasOut(2) && b.Out(2).DType == DType.F64;
        if (b.HasOut(1) && b.HasOut(2) && b.Out(1).DType != b.Out(2).DType) throw b.Unsupported();
        if (b.In(0).Elements == 0 && !b.HasOut(1) && !b.HasOut(2)) return (in StepContext c) => { };
        return Dispatch.Float(b, new Binder(b, x.Count(0, axis), x.Count(axis, x.Rank), epsilon, centered, wide, Parameter.Of(b, 1, axis), b.Has(2) ? Parameter.Of(b, 2, axis) : null));
    }

    /// <summary>Scale or bias: as long as a row, or expanded in a workspace to a row or to the whole input.</summary>
    private sealed record Parameter(int Input, int RowStep, int Work, long[] Dims, long[] Strides)
    {
        public static Parameter Of(BindContext b, int input, int axis)
        {
            Shape x = b.In(0).Shape, p = b.In(input).Shape;
            int length = x.Count(axis, x.Rank);
            if (p.Elements == length && IsRow(p, x, axis)) return new(input, 0, -1, [], []);
            bool row = p.Rank <= x.Rank - axis || p.Dims[..(p.Rank - (x.Rank - axis))].IndexOfAnyExcept(1) < 0;
            var dims = x.Dims[(row ? axis : 0)..].ToArray();
            var strides = new long[dims.Length];
            var own = p.Strides();
            for (int i = 1; i <= Math.Min(dims.Length, p.Rank); i++) strides[^i] = p[p.Rank - i] == 1 ? 0 : own[^i];
            long elements = row ? length : x.Elements;
            return new(input, row ? 0 : length, b.Work(b.In(input).DType.ByteCount(elements)), dims, strides);
        }

        private static bool IsRow(Shape p, Shape x, int axis)
        {
            for (int i = 1; i <= p.Rank; i++)
                if (p[p.Rank - i] != (i <= x.Rank - axis ? x[x.Rank - i] : 1)) return false;
            return true;
        }

        public T* At<T>(in StepContext c) where T : unmanaged
        {
            if (Work < 0) return (T*)c.InPointer(Input);
            StridedCopy.Run(c.Workers, c.In<T>(Input), 0, Dims, Strides, c.Work<T>(Work));
            return (T*)c.WorkPointer(Work);
        }
    }

    private readonly struct Binder(BindContext b, int rows, int length, double epsilon, bool centered, bool wide, Parameter scale, Parameter? bias) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            SpatialTypes.RequireSame(b, 1, 2);
            return wide ? Bind<T, double>() : Bind<T, float>();
        }

        private StepFn Bind<T, TStat>() where T : unmanaged, IBinaryFloatingPointIeee754<T> where TStat : unmanaged, INumber<TStat>
        {
            for (int i = 1; i <= 2; i++) if (b.HasOut(i) && b.Out(i).DType != DTypeOf<TStat>.Value) throw b.Unsupported();
            var (r, n, eps, mean, s, p) = (rows, length, epsilon, centered, scale, bias);
            return (in StepContext c) => RowNorm.Layer(c.Workers, r, n, eps, mean, (T*)c.InPointer(0), s.At<T>(c), p is null ? null : p.At<T>(c), s.RowStep, p?.RowStep ?? 0,
                (T*)c.OutPointer(0), (TStat*)c.OutPointer(1), (TStat*)c.OutPointer(2));
        }
    }
}
