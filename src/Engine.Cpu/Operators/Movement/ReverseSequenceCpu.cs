using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class ReverseSequenceCpu
{
    public static StepFn Bind(ReverseSequence op, BindContext b)
    {
        var x = b.In(0).Shape;
        int width = Dispatch.Bytes(b, b.In(0).DType);
        if (x.Elements == 0) return static (in StepContext _) => { };
        int time = x.Int(op.TimeAxis), batch = x.Int(1 - op.TimeAxis);
        long row = x.Product(2, x.Rank) * width;
        // Rows from one step of time to the next, and from one batch entry to the next.
        var (timePitch, batchPitch) = op.TimeAxis == 0 ? (batch * row, row) : (row, time * row);
        return (in StepContext c) => c.Workers.For(batch, (int)Math.Max(1, 32768 / row / time), new Body(c.InPointer(0), (long*)c.InPointer(1), c.OutPointer(0), time, timePitch, batchPitch, row));
    }

    private readonly struct Body(byte* x, long* lengths, byte* y, int time, long timePitch, long batchPitch, long row) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int b = start; b < end; b++)
            {
                long n = lengths[b];
                if (n < 0 || n > time) throw new OperatorException($"sequence length {n} is outside [0, {time}]");
                byte* from = x + b * batchPitch, to = y + b * batchPitch;
                for (int t = 0; t < time; t++) Buffer.MemoryCopy(from + (t < n ? n - 1 - t : t) * timePitch, to + t * timePitch, row, row);
            }
        }
    }
}
