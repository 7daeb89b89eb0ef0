using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>RoiAlign and MaxRoiPool.</summary>
internal static unsafe class RegionPoolCpu
{
    public static StepFn Align(RoiAlign op, BindContext b)
    {
        Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        if (y.Elements == 0) return (in StepContext c) => { };
        return Dispatch.Float(b, new AlignBinder(new(x.Int(0), x.Int(1), x.Int(2), x.Int(3), y.Int(0), y.Int(2), y.Int(3), op.SamplingRatio, op.SpatialScale, op.HalfPixel, op.Max)));
    }

    public static StepFn Max(MaxRoiPool op, BindContext b)
    {
        Shape x = b.In(0).Shape, y = b.Out(0).Shape;
        if (y.Elements == 0) return (in StepContext c) => { };
        return Dispatch.Float(b, new MaxBinder(new(x.Int(0), x.Int(1), x.Int(2), x.Int(3), y.Int(0), y.Int(2), y.Int(3), 0, op.SpatialScale, false, true)));
    }

    private readonly struct AlignBinder(RegionPooling.AlignSpec spec) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var s = spec;
            return (in StepContext c) =>
            {
                foreach (long batch in c.In<long>(2)) Check(batch, s.Batch);
                if (s.Height == 0 || s.Width == 0) c.Out<T>(0).Clear();
                else RegionPooling.Align(c.Workers, s, (T*)c.InPointer(0), (T*)c.InPointer(1), (long*)c.InPointer(2), (T*)c.OutPointer(0));
            };
        }
    }

    private readonly struct MaxBinder(RegionPooling.AlignSpec spec) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var s = spec;
            return (in StepContext c) =>
            {
                var regions = c.In<T>(1);
                for (int i = 0; i < regions.Length; i += 5) Check(double.CreateTruncating(regions[i]), s.Batch);
                RegionPooling.Max(c.Workers, s, (T*)c.InPointer(0), (T*)c.InPointer(1), (T*)c.OutPointer(0));
            };
        }
    }

    private static void Check(double batch, int batches)
    {
        if (!(batch >= 0 && batch < batches)) throw new OperatorException($"batch index {batch} is outside [0, {batches})");
    }
}
