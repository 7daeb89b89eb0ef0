using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class L1NormalizationCpu
{
    public static StepFn Bind(L1Normalization op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var x = b.In(0).Shape;
        int axis = op.Axis(x), rows = x.Count(0, axis), length = x.Count(axis, x.Rank);
        float epsilon = op.Epsilon;
        return (in StepContext c) => L1NormF32.Run(c.Workers, rows, length, (float*)c.InPointer(0), (float*)c.InPointer(1), (float*)c.InPointer(2), epsilon, (float*)c.OutPointer(0));
    }
}
