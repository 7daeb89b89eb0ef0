using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class RotaryEmbeddingCpu
{
    public static StepFn Bind(RotaryEmbedding op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var (batch, heads, rows, width, turned) = op.Sizes(b.In(0).Shape, b.In(2).Shape);
        bool headsFirst = b.In(0).Shape.Rank == 4, interleaved = op.Interleaved, counted = b.In(1).Elements == 1;
        int table = b.In(2).Shape.Int(0), half = turned / 2;
        nint perBatch = (nint)heads * rows * width, perHead = headsFirst ? (nint)rows * width : width, perRow = headsFirst ? width : (nint)heads * width;
        return (in StepContext c) =>
        {
            var positions = c.In<long>(1);
            float* px = (float*)c.InPointer(0), py = (float*)c.OutPointer(0);
            HeadRows x = new(px, perBatch, perHead, perRow), y = new(py, perBatch, perHead, perRow);
            ReadOnlySpan<float> cos = c.In<float>(2), sin = c.In<float>(3);
            for (int n = 0; n < batch; n++)
                for (int s = 0; s < rows; s++)
                {
                    long p = counted ? positions[0] + s : positions[n * rows + s];
                    if (p < 0 || p >= table) throw new OperatorException($"position {p} is outside a table of {table}");
                    int at = (int)p * half;
                    for (int h = 0; h < heads; h++) Rotary.Turn(new(x.At(n, h, s), width), cos.Slice(at, half), sin.Slice(at, half), interleaved, new(y.At(n, h, s), width));
                }
        };
    }
}
