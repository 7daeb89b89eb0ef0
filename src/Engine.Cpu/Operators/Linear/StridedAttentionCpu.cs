using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Attention over heads that lie anywhere.</summary>
internal static unsafe class StridedAttentionCpu
{
    public static StepFn Bind(StridedAttention op, BindContext b)
    {
        var (batch, heads, rows, keys) = op.Counts;
        var (width, valueWidth) = op.Widths;
        var kernel = new AttentionF32(batch, heads, rows, keys, width, valueWidth, op.Scale);
        int packed = b.Work(Checked.Mul(4, AttentionF32.PackedLength(batch, heads, keys, width, valueWidth)));
        return (in StepContext c) =>
        {
            var o = new AttentionOperands { Q = In(op, c, 0), K = In(op, c, 1), V = In(op, c, 2), Bias = In(op, c, 3), Y = Rows((float*)c.OutPointer(0), op.Output) };
            if (op.Inputs[4] is { } l) o.Flags = new(c.InPointer(4) + l.Offset, (nint)l.Batch, (nint)l.Head, (nint)l.Row, (nint)l.Element, op.Hidden!.When, op.Hidden.Fill);
            kernel.Run(c.Workers, o, (float*)c.WorkPointer(packed));
        };
    }

    private static HeadRows In(StridedAttention op, in StepContext c, int i) => op.Inputs[i] is { } l ? Rows((float*)c.InPointer(i), l) : default;

    private static HeadRows Rows(float* data, HeadLayout l) => new(data + l.Offset, (nint)l.Batch, (nint)l.Head, (nint)l.Row, (nint)l.Element);
}
