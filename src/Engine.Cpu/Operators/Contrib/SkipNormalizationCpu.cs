using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Layer normalizations of sums: of a row and its skip, or of embeddings.</summary>
internal static unsafe class SkipNormalizationCpu
{
    public static StepFn Simplified(SimplifiedLayerNormalization op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var x = b.In(0).Shape;
        int axis = op.Axis(x), rows = x.Count(0, axis), length = x.Count(axis, x.Rank);
        double epsilon = op.Epsilon;
        return (in StepContext c) => RowNorm.Layer(c.Workers, rows, length, epsilon, false, (float*)c.InPointer(0), (float*)c.InPointer(1), null, 0, 0, (float*)c.OutPointer(0), (float*)null, (float*)c.OutPointer(1));
    }

    public static StepFn Skip(SkipNormalization op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var x = b.In(0).Shape;
        int length = x.Int(-1), rows = x.Count(0, x.Rank - 1), bias = op.BiasInput, skipRows = b.In(1).Shape.Count(0, b.In(1).Shape.Rank - 1);
        int work = b.HasOut(3) ? -1 : b.Work(b.In(0).Bytes);
        var (epsilon, centered) = ((double)op.Epsilon, op.Centered);
        return (in StepContext c) =>
        {
            float* sum = work < 0 ? (float*)c.OutPointer(3) : (float*)c.WorkPointer(work);
            c.Workers.For(rows, Math.Max(1, 16384 / Math.Max(1, length)), new SumBody(length, skipRows, (float*)c.InPointer(0), (float*)c.InPointer(1), (float*)c.InPointer(bias), sum));
            RowNorm.Layer(c.Workers, rows, length, epsilon, centered, sum, (float*)c.InPointer(2), centered ? (float*)c.InPointer(3) : null, 0, 0, (float*)c.OutPointer(0), (float*)c.OutPointer(1), (float*)c.OutPointer(2));
        };
    }

    public static StepFn Embed(EmbedLayerNormalization op, BindContext b)
    {
        if (b.In(2).DType != DType.F32) throw b.Unsupported(2);
        int batch = b.In(0).Shape.Int(0), length = b.In(0).Shape.Int(1), hidden = b.In(2).Shape.Int(1);
        int words = b.In(2).Shape.Int(0), positions = b.In(3).Shape.Int(0), segments = b.Has(4) ? b.In(4).Shape.Int(0) : 0, positionRows = b.Has(8) ? b.In(8).Shape.Int(0) : 0;
        int work = b.HasOut(2) ? -1 : b.Work(b.Out(0).Bytes);
        double epsilon = op.Epsilon;
        return (in StepContext c) =>
        {
            ReadOnlySpan<int> ids = c.In<int>(0), segment = c.In<int>(1), mask = c.In<int>(7), position = c.In<int>(8);
            float* sum = work < 0 ? (float*)c.OutPointer(2) : (float*)c.WorkPointer(work);
            for (int i = 0; i < ids.Length; i++)
            {
                var to = new Span<float>(sum + (nint)i * hidden, hidden);
                Row((float*)c.InPointer(2), ids[i], words, hidden).CopyTo(to);
                Add(to, Row((float*)c.InPointer(3), positionRows == 0 ? i % length : position[positionRows == 1 ? i % length : i], positions, hidden));
                if (segments > 0) Add(to, Row((float*)c.InPointer(4), segment[i], segments, hidden));
            }
            RowNorm.Layer(c.Workers, ids.Length, hidden, epsilon, true, sum, (float*)c.InPointer(5), (float*)c.InPointer(6), 0, 0, (float*)c.OutPointer(0), (float*)null, (float*)null);
            var counts = c.Out<int>(1);
            for (int n = 0; n < counts.Length; n++)
            {
                counts[n] = 0;
                if (!mask.IsEmpty) foreach (int m in mask.Slice(n * length, length)) counts[n] += m == 1 ? 1 : 0;
            }
        };
    }

    private static ReadOnlySpan<float> Row(float* table, int index, int rows, int hidden) =>
        (uint)index < (uint)rows ? new(table + (nint)index * hidden, hidden) : throw new OperatorException($"index {index} is outside a table of {rows} rows");

    private static void Add(Span<float> to, ReadOnlySpan<float> x)
    {
        BinaryLoop.Simd(default(AddOp), to, x, to);
    }

    private readonly struct SumBody(int length, int skipRows, float* x, float* skip, float* bias, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
            {
                nint at = (nint)r * length, from = (nint)(r % skipRows) * length;
                var to = new Span<float>(y + at, length);
                BinaryLoop.Simd(default(AddOp), new ReadOnlySpan<float>(x + at, length), new ReadOnlySpan<float>(skip + from, length), to);
                if (bias != null) BinaryLoop.Simd(default(AddOp), to, new ReadOnlySpan<float>(bias, length), to);
            }
        }
    }
}
