using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Instance, group, mean-variance, Lp and local response normalization.</summary>
internal static unsafe class NormCpu
{
    public static StepFn Instance(InstanceNormalization op, BindContext b)
    {
        var x = b.In(0).Shape;
        return Dispatch.Float(b, new GroupBinder(b, SpatialTypes.Planes(x), 1, x.Int(1), x.Count(2, x.Rank), 1, op.Epsilon));
    }

    public static StepFn Group(GroupNormalization op, BindContext b)
    {
        var x = b.In(0).Shape;
        int groups = Checked.Int(op.Groups), planes = x.Int(1) / groups;
        return Dispatch.Float(b, new GroupBinder(b, Checked.Int(Checked.Mul(x[0], groups)), planes, x.Int(1), x.Count(2, x.Rank), op.ScalePerGroup ? planes : 1, op.Epsilon));
    }

    private readonly struct GroupBinder(BindContext b, int groups, int groupPlanes, int channels, int inner, int entryPlanes, double epsilon) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            SpatialTypes.RequireSame(b, 1, 2);
            var (g, p, n, i, e, eps) = (groups, groupPlanes, channels, inner, entryPlanes, epsilon);
            if (b.In(0).Elements == 0) return (in StepContext c) => { };
            Checked.Int(Checked.Mul(p, i));
            return (in StepContext c) => RowNorm.Group(c.Workers, g, p, n, i, e, eps, (T*)c.InPointer(0), (T*)c.InPointer(1), (T*)c.InPointer(2), (T*)c.OutPointer(0));
        }
    }

    public static StepFn MeanVariance(MeanVarianceNormalization op, BindContext b)
    {
        var x = b.In(0).Shape;
        var reduced = op.Reduced(x);
        int[] dims = new int[x.Rank], strides = new int[x.Rank];
        long groups = 1;
        for (int d = x.Rank - 1; d >= 0; d--)
        {
            dims[d] = x.Int(d);
            strides[d] = reduced[d] ? 0 : Checked.Int(groups);
            if (!reduced[d]) groups = Checked.Mul(groups, x[d]);
        }
        return Dispatch.Float(b, new MeanVarianceBinder(dims, strides, b.Work(Checked.Mul(groups, 2 * sizeof(double)))));
    }

    private readonly struct MeanVarianceBinder(int[] dims, int[] strides, int work) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (d, s, w) = (dims, strides, work);
            return (in StepContext c) => AxisNorm.MeanVariance(c.In<T>(0), d, s, c.Work<double>(w), c.Out<T>(0));
        }
    }

    public static StepFn Lp(LpNormalization op, BindContext b)
    {
        var x = b.In(0).Shape;
        int axis = op.Axis(x);
        return Dispatch.Float(b, new LpBinder(x.Count(0, axis), x.Int(axis), x.Count(axis + 1, x.Rank), op.P));
    }

    private readonly struct LpBinder(int outer, int axis, int inner, int p) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (o, a, i, q) = (outer, axis, inner, p);
            return (in StepContext c) => AxisNorm.Lp(c.Workers, o, a, i, q, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }

    public static StepFn LocalResponse(Lrn op, BindContext b)
    {
        var x = b.In(0).Shape;
        return Dispatch.Float(b, new ResponseBinder(x.Int(0), x.Int(1), x.Count(2, x.Rank), op));
    }

    private readonly struct ResponseBinder(int outer, int axis, int inner, Lrn op) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (o, a, i, lrn) = (outer, axis, inner, op);
            return (in StepContext c) => AxisNorm.LocalResponse(c.Workers, o, a, i, lrn.Size, lrn.Alpha, lrn.Beta, lrn.Bias, (T*)c.InPointer(0), (T*)c.OutPointer(0));
        }
    }
}
