using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static unsafe class TriluCpu
{
    public static StepFn Bind(Trilu op, BindContext b)
    {
        var x = b.In(0).Shape;
        int width = Dispatch.Bytes(b, b.In(0).DType);
        if (x.Elements == 0) return static (in StepContext _) => { };
        int columns = x.Int(x.Rank - 1), height = x.Int(x.Rank - 2), rows = Checked.Int(x.Elements / columns);
        bool upper = op.Upper;
        return (in StepContext c) =>
        {
            long k = c.Has(1) ? Math.Clamp(c.In<long>(1)[0], -height, columns) : 0;
            c.Workers.For(rows, Math.Max(1, 32768 / columns), new Body(c.InPointer(0), c.OutPointer(0), height, columns, width, k, upper));
        };
    }

    private readonly struct Body(byte* x, byte* y, int height, int columns, int width, long k, bool upper) : IParallelBody
    {
        public void Run(int start, int end)
        {
            long pitch = (long)columns * width;
            for (int row = start; row < end; row++)
            {
                // The upper triangle starts at column r + k; the lower one ends with it.
                long cut = Math.Clamp(row % height + k + (upper ? 0 : 1), 0, columns) * width, at = row * pitch;
                var (from, to) = upper ? (cut, pitch) : (0, cut);
                Buffer.MemoryCopy(x + at + from, y + at + from, to - from, to - from);
                if (upper) Clear(y + at, cut);
                else Clear(y + at + cut, pitch - cut);
            }
        }

        private static void Clear(byte* p, long bytes) => System.Runtime.InteropServices.NativeMemory.Clear(p, (nuint)bytes);
    }
}
