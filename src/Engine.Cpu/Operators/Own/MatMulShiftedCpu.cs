using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>MatMulShifted: constant weights in groups of equal shifts on the tiles of gemm-u8s8, others by the definition.</summary>
internal static unsafe class MatMulShiftedCpu
{
    public static StepFn Bind(MatMulShifted op, BindContext b)
    {
        var x = b.In(0).Shape;
        int k = x.Int(-1), n = b.In(1).Shape.Int(1), m = x.Count(0, x.Rank - 1), factors = b.Has(4) ? b.Work(sizeof(float) * (long)n) : -1;
        var type = b.In(0).DType;
        bool signed = type == DType.I8;
        if (b.Weight(1) is { } weight && b.Value(2) is { } shiftTensor)
        {
            byte[] shifts = [.. shiftTensor.Bytes];
            Check(shifts);
            // The order follows from the weights: the same whenever this is bound.
            var groups = new ShiftGroups(shifts, weight.Decode().Bytes, n);
            // Shifts are an operand of the node.
            var layout = new PackedLayout("gemm-shifted", 1, Convert.ToHexString(shifts), DType.U8, groups.PackedLength(n)) { IsStored = false };
            var packed = b.Pack(1, layout, (w, to, _) => groups.Pack(w.Decode().Bytes, shifts, n, to.Bytes));
            return (in StepContext c) =>
            {
                int zero = QuantCodes.Read(type, c.In<byte>(3), 0);
                if (factors < 0) GemmShifted.Run(c.Workers, m, n, k, c.InPointer(0), signed, zero, groups, packed.Pointer, new Int32Store((int*)c.OutPointer(0), n));
                else GemmShifted.Run(c.Workers, m, n, k, c.InPointer(0), signed, zero, groups, packed.Pointer, Floats(c, factors, n));
            };
        }
        return (in StepContext c) =>
        {
            Check(c.In<byte>(2));
            int zero = QuantCodes.Read(type, c.In<byte>(3), 0);
            if (factors < 0) GemmShifted.Reference(m, n, c.In<byte>(0), signed, zero, c.In<byte>(1), c.In<byte>(2), new Int32Store((int*)c.OutPointer(0), n));
            else GemmShifted.Reference(m, n, c.In<byte>(0), signed, zero, c.In<byte>(1), c.In<byte>(2), Floats(c, factors, n));
        };
    }

    private static FloatStore Floats(in StepContext c, int factors, int n)
    {
        ScaleRow.Fill(c.In<float>(4), 1, c.Work<float>(factors));
        return new((float*)c.OutPointer(0), n, new((float*)c.WorkPointer(factors), 0, 1), default, default);
    }

    private static void Check(ReadOnlySpan<byte> shifts)
    {
        foreach (byte s in shifts) if (s > ShiftGroups.MostShift) throw new OperatorException($"shift {s} is above {ShiftGroups.MostShift}");
    }
}
