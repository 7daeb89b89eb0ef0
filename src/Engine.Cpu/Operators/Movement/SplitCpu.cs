using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class SplitCpu
{
    public static StepFn Bind(Split op, BindContext b)
    {
        var x = b.In(0).Shape;
        int axis = op.Axis(x), width = Dispatch.Bytes(b, b.In(0).DType);
        if (x.Elements == 0) return static (in StepContext _) => { };
        int rows = Tensors.Checked.Int(x.Product(0, axis));
        long pitch = x.Product(axis, x.Rank) * width, slice = x.Product(axis + 1, x.Rank) * width;
        long[] pitches = [.. op.Lengths(x, b.Value(1)?.ToLongs(), b.OutputCount).Take(b.OutputCount).Select(l => l * slice)];
        return (in StepContext c) =>
        {
            byte* from = c.InPointer(0);
            for (int i = 0; i < pitches.Length; i++)
            {
                byte* to = c.OutPointer(i);
                if (to != null) RowCopy.Run(c.Workers, from, pitch, to, pitches[i], pitches[i], rows);
                from += pitches[i];
            }
        };
    }
}
