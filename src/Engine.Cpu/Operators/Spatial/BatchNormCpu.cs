using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class BatchNormCpu
{
    public static StepFn Bind(BatchNormalization op, BindContext b) => Dispatch.Float(b, new Binder(op, b));

    private readonly struct Binder(BatchNormalization op, BindContext b) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            SpatialTypes.RequireSame(b, 1, 2, 3, 4);
            var x = b.In(0).Shape;
            int channels = b.In(1).Shape.Count, images = x.Int(0), inner = x.Rank > 1 && op.Spatial ? x.Count(2, x.Rank) : 1;
            int factor = b.Work(b.In(0).DType.ByteCount(channels)), shift = b.Work(b.In(0).DType.ByteCount(channels));
            var o = op;
            if (!op.Training)
                return (in StepContext c) =>
                {
                    Coefficients(c.In<T>(1), c.In<T>(2), c.In<T>(3), c.In<T>(4), o.Epsilon, c.Work<T>(factor), c.Work<T>(shift));
                    RowNorm.Channels(c.Workers, images * channels, channels, inner, (T*)c.InPointer(0), (T*)c.WorkPointer(factor), (T*)c.WorkPointer(shift), (T*)c.OutPointer(0));
                };
            int mean = b.Work(b.In(0).DType.ByteCount(channels)), variance = b.Work(b.In(0).DType.ByteCount(channels));
            return (in StepContext c) =>
            {
                BatchStatistics(c.In<T>(0), images, channels, inner, c.Work<T>(mean), c.Work<T>(variance));
                Coefficients(c.In<T>(1), c.In<T>(2), c.Work<T>(mean), c.Work<T>(variance), o.Epsilon, c.Work<T>(factor), c.Work<T>(shift));
                RowNorm.Channels(c.Workers, images * channels, channels, inner, (T*)c.InPointer(0), (T*)c.WorkPointer(factor), (T*)c.WorkPointer(shift), (T*)c.OutPointer(0));
                Running(c.In<T>(3), c.Work<T>(mean), o.Momentum, c.Out<T>(1));
                Running(c.In<T>(4), c.Work<T>(variance), o.Momentum, c.Out<T>(2));
                Saved<T>(c.Work<T>(mean), c.Out<T>(3));
                Saved<T>(c.Work<T>(variance), c.Out<T>(4));
            };
        }
    }

    private static void Coefficients<T>(ReadOnlySpan<T> scale, ReadOnlySpan<T> bias, ReadOnlySpan<T> mean, ReadOnlySpan<T> variance, double epsilon, Span<T> factor, Span<T> shift) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < scale.Length; i++)
        {
            double f = double.CreateTruncating(scale[i]) / Math.Sqrt(double.CreateTruncating(variance[i]) + epsilon);
            factor[i] = T.CreateTruncating(f);
            shift[i] = T.CreateTruncating(double.CreateTruncating(bias[i]) - double.CreateTruncating(mean[i]) * f);
        }
    }

    private static void BatchStatistics<T>(ReadOnlySpan<T> x, int images, int channels, int inner, Span<T> mean, Span<T> variance) where T : unmanaged, INumber<T>
    {
        for (int ch = 0; ch < channels; ch++)
        {
            double m = 0, v = 0;
            for (int n = 0; n < images; n++) m += RowStatistics.Mean(x.Slice((n * channels + ch) * inner, inner)) / images;
            for (int n = 0; n < images; n++) v += RowStatistics.MeanSquare(x.Slice((n * channels + ch) * inner, inner), m) / images;
            mean[ch] = T.CreateTruncating(m);
            variance[ch] = T.CreateTruncating(v);
        }
    }

    private static void Running<T>(ReadOnlySpan<T> old, ReadOnlySpan<T> current, double momentum, Span<T> y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < y.Length; i++) y[i] = T.CreateTruncating(double.CreateTruncating(old[i]) * momentum + double.CreateTruncating(current[i]) * (1 - momentum));
    }

    private static void Saved<T>(ReadOnlySpan<T> current, Span<T> y)
    {
        if (!y.IsEmpty) current.CopyTo(y);
    }
}
