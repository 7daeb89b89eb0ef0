using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Gather from a quantized constant along any axis: each row is decoded when it is asked for, the table stays as it is stored.</summary>
internal static unsafe class GatherCodesCpu
{
    public static IEnumerable<Candidate> Candidates(Gather op, NodeTypes n)
    {
        if (n.Weights[0] is not Quantized { DType: DType.F32 } q) yield break;
        // A run of 16 elements a nanosecond or so; the dense table would have to be decoded first, and read.
        yield return new Candidate("gather-codes", b => Bind(op.Axis(q.Shape), q, b)) { Nanoseconds = 0.06 * n.Out(0).Elements };
    }

    private static StepFn Bind(int axis, Quantized q, BindContext b)
    {
        var table = new GatherCodes.Table(q.Bits, q.Signed, q.Layout, q.Shape.Count(axis + 1, q.Shape.Rank), q.Signed || q.Minimum is not null ? 0 : 1 << (q.Bits - 1));
        var scales = b.Pack(0, "scales", static w => ((Quantized)w).Scale.ToF32());
        var zeros = q.Zero is null ? null : b.Pack(0, "zeros", static w => ((Quantized)w).Zero!.ToF32());
        var minima = q.Minimum is null ? null : b.Pack(0, "minima", static w => ((Quantized)w).Minimum!.ToF32());
        long rows = q.Shape[axis];
        int outer = q.Shape.Count(0, axis), count = b.In(1).Shape.Count;
        bool wide = b.In(1).DType == DType.I64;
        return (in StepContext c) =>
        {
            var o = new GatherCodes.Operands((nint)q.Codes.Pointer, (int)q.Codes.ByteLength, (nint)scales.Pointer, zeros is null ? 0 : (nint)zeros.Pointer, zeros?.Shape.Elements == 1, minima is null ? 0 : (nint)minima.Pointer, q.Table is null ? 0 : (nint)q.Table.Pointer);
            GatherCodes.Run(c.Workers, table, o, outer, rows, new IndexReader(c.InPointer(1), wide), count, (float*)c.OutPointer(0));
        };
    }
}
