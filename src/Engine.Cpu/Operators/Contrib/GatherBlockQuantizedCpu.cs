using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class GatherBlockQuantizedCpu
{
    public static StepFn Bind(GatherBlockQuantized op, BindContext b)
    {
        if (b.Out(0).DType != DType.F32) throw b.Unsupported(2);
        var x = op.Logical(b.In(0));
        var (codes, layout, scales) = (op.Codes(b.In(0).DType), op.Layout(x, b.In(2).Shape), b.In(2).Shape);
        int axis = op.GatherAxis(x), outer = x.Count(0, axis), rows = x.Int(axis), inner = x.Count(axis + 1, x.Rank);
        bool wide = b.In(1).DType == DType.I64;
        int middle = b.Has(3) || b.In(0).DType != DType.U8 ? 0 : 1 << (op.Bits - 1);
        // Each row of packed u8 zero points starts on a byte.
        int scaleRow = scales.Rank == 0 ? 1 : scales.Int(-1), zeroRow = b.Has(3) && b.In(3).Shape.Rank > 0 ? Checked.Int(op.Logical(b.In(3))[-1]) : scaleRow;
        return (in StepContext c) =>
        {
            int y = 0;
            var data = c.In<byte>(0);
            var scale = c.In<float>(2);
            var zero = c.In<byte>(3);
            var to = c.Out<float>(0);
            int count = wide ? c.In<long>(1).Length : c.In<int>(1).Length;
            for (int o = 0; o < outer; o++)
                for (int s = 0; s < count; s++)
                {
                    long index = wide ? c.In<long>(1)[s] : c.In<int>(1)[s];
                    if (index < -rows || index >= rows) throw new OperatorException($"index {index} is outside [-{rows}, {rows - 1}]");
                    long at = ((long)o * rows + (index < 0 ? index + rows : index)) * inner;
                    for (int i = 0; i < inner; i++, y++)
                    {
                        int k = (int)layout.Segment(at + i, out _).Scale;
                        int z = zero.IsEmpty ? middle : QuantCodes.Read(codes, zero, k / scaleRow * (long)zeroRow + k % scaleRow);
                        to[y] = (QuantCodes.Read(codes, data, at + i) - z) * scale[k];
                    }
                }
        };
    }
}
