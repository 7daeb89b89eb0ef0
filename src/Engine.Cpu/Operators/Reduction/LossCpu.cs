using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Classification losses: a gather along the classes; SoftmaxCrossEntropyLoss takes the log-softmax first.</summary>
internal static class LossCpu
{
    public static StepFn Bind<TOp>(TOp op, BindContext b) where TOp : ClassificationLoss
    {
        int work = op is SoftmaxCrossEntropyLoss && !b.HasOut(1) ? b.Work(b.In(0).Bytes) : -1;
        return Dispatch.Float(b, new Binder(op, b.In(0).Shape, b.In(1).DType, work));
    }

    private readonly struct Binder(ClassificationLoss op, Shape shape, DType labels, int work) : IFloatBinder
    {
        public unsafe StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (o, type, scratch) = (op, labels, work);
            int outer = shape.Int(0), classes = shape.Int(1), inner = Checked.Int(shape.Product(2, shape.Rank));
            return (in StepContext c) =>
            {
                T* scores = (T*)c.InPointer(0);
                if (o is SoftmaxCrossEntropyLoss)
                {
                    T* log = scratch < 0 ? (T*)c.OutPointer(1) : (T*)c.WorkPointer(scratch);
                    SoftmaxLoop.Run(c.Workers, SoftmaxKind.Log, outer, classes, inner, scores, log);
                    scores = log;
                }
                var loss = new Loss<T>(o.Reduction, o.IgnoreIndex, classes, inner, scores, (T*)c.InPointer(2), (T*)c.OutPointer(0));
                if (type == DType.I32) loss.Run(c.In<int>(1));
                else loss.Run(c.In<long>(1));
            };
        }
    }

    private readonly unsafe struct Loss<T>(LossReduction reduction, long? ignore, int classes, int inner, T* scores, T* weights, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run<TLabel>(ReadOnlySpan<TLabel> labels) where TLabel : unmanaged, IBinaryInteger<TLabel>
        {
            double total = 0, weight = 0;
            for (int i = 0; i < labels.Length; i++)
            {
                long label = long.CreateTruncating(labels[i]);
                double w = 0, loss = 0;
                if (label != ignore)
                {
                    if (label < 0 || label >= classes) throw new OperatorException($"label {label} at element {i} is outside [0, {classes})");
                    w = weights == null ? 1 : double.CreateTruncating(weights[label]);
                    loss = -w * double.CreateTruncating(scores[((nint)(i / inner) * classes + (nint)label) * inner + i % inner]);
                }
                if (reduction == LossReduction.None) y[i] = T.CreateTruncating(loss);
                total += loss;
                weight += w;
            }
            if (reduction != LossReduction.None) *y = T.CreateTruncating(reduction == LossReduction.Mean ? total / weight : total);
        }
    }
}
