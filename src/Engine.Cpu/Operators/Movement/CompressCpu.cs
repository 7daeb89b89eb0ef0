using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class CompressCpu
{
    public static void Run(Compress op, DynamicContext c)
    {
        Tensor x = c.Tensor(0), condition = c.Tensor(1);
        if (condition.DType != DType.Bool || condition.Shape.Rank != 1) throw new OperatorException($"the condition is {condition}, expected a bool vector");
        int axis = 0;
        if (op.Axis is { } a) axis = TensorMove.Axis(x.Shape, a);
        else x = x.Reshape(new Shape(x.Shape.Elements));
        var flags = condition.Bytes;
        if (flags.Length > x.Shape[axis]) throw new OperatorException($"a condition of {flags.Length} elements exceeds axis {axis} of {x.Shape}");
        int count = flags.Length - flags.Count((byte)0);
        var kept = new int[count];
        for (int i = 0, k = 0; i < flags.Length; i++)
            if (flags[i] != 0) kept[k++] = i;
        c.Set(0, TensorMove.Take(c, x, axis, kept));
    }
}
