using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Attention whose weights are powers of two: softmax to exponents, and the sum of values by them.</summary>
internal static unsafe class Log2AttentionCpu
{
    public static StepFn Softmax(Log2Softmax op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var x = b.In(0).Shape;
        int length = x.Int(-1), rows = x.Count(0, x.Rank - 1);
        return (in StepContext c) => Log2SoftmaxF32.Run(c.Workers, rows, length, (float*)c.InPointer(0), c.OutPointer(0));
    }

    public static StepFn Product(Log2MatMul op, BindContext b)
    {
        Shape q = b.In(0).Shape, v = b.In(1).Shape;
        int batch = q.Count(0, q.Rank - 2), m = q.Int(-2), k = q.Int(-1), n = v.Int(-1);
        int packed = b.Work(Checked.Mul(sizeof(short), ShiftProduct.PackedLength(batch, k, n)));
        if (!b.Has(2)) return (in StepContext c) => ShiftProduct.Run(c.Workers, batch, m, n, k, c.InPointer(0), (sbyte*)c.InPointer(1), (short*)c.WorkPointer(packed), new Int32Store((int*)c.OutPointer(0), n));
        int factors = b.Work(sizeof(float) * (long)n);
        return (in StepContext c) =>
        {
            ScaleRow.Fill(c.In<float>(2), 1f / (1 << ShiftMultipliers.One), c.Work<float>(factors));
            ShiftProduct.Run(c.Workers, batch, m, n, k, c.InPointer(0), (sbyte*)c.InPointer(1), (short*)c.WorkPointer(packed), new FloatStore((float*)c.OutPointer(0), n, new((float*)c.WorkPointer(factors), 0, 1), default, default));
        };
    }
}

/// <summary>A factor for each column from one factor or a row of them.</summary>
internal static class ScaleRow
{
    public static void Fill(ReadOnlySpan<float> scale, float times, Span<float> row)
    {
        for (int i = 0; i < row.Length; i++) row[i] = scale[scale.Length == 1 ? 0 : i] * times;
    }
}
