using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class ConcatCpu
{
    public static StepFn Bind(Concat op, BindContext b)
    {
        var y = b.Out(0).Shape;
        int axis = op.Axis(y);
        if (y.Elements == 0) return static (in StepContext _) => { };
        int rows = Tensors.Checked.Int(y.Product(0, axis));
        long pitch = y.Product(axis, y.Rank) * Dispatch.Bytes(b, b.In(0).DType);
        var pitches = new long[b.InputCount];
        for (int i = 0; i < pitches.Length; i++) pitches[i] = b.In(i).Shape.Product(axis, y.Rank) * Dispatch.Bytes(b, b.In(0).DType);
        return (in StepContext c) =>
        {
            byte* to = c.OutPointer(0);
            for (int i = 0; i < pitches.Length; i++)
            {
                RowCopy.Run(c.Workers, c.InPointer(i), pitches[i], to, pitch, pitches[i], rows);
                to += pitches[i];
            }
        };
    }
}
