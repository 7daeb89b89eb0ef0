namespace Engine.Kernels;

/// <summary>Maximum and average pools of f32 on plain tensors, for windows of at most <see cref="MostTaps"/> values: rows of a window first, then along the row.</summary>
public static unsafe class PoolF32
{
    /// <summary>Sums of more values are not made in single precision.</summary>
    public const int MostTaps = 256;

    /// <summary>True when the pool runs here: no indices, and a window that is not too large.</summary>
    public static bool Supports(in Window3 w) => w.D.IsPointwise && w.Taps <= MostTaps && w.W.Pad >= 0 && w.H.Pad >= 0;

    /// <summary>One value a window; <paramref name="planes"/> is batch times channels.</summary>
    public static void Run(Workers workers, PoolBlocked.Kind kind, int planes, in Window3 window, float* x, float* y) =>
        workers.For(window.RowsOf(planes), (int)Math.Clamp(16384 / Math.Max(1.0, (double)window.W.Output * window.H.Kernel), 1, 1 << 20),
            new Body(kind, (kind == PoolBlocked.Kind.Max ? FoldRows.Max : FoldRows.Sum).Best, window.H, window.W, x, y));

    private readonly struct Body(PoolBlocked.Kind kind, FoldRows.Fn fold, WindowDim h, WindowDim w, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            // A row with its padding: windows may reach past the padding at the end too.
            int width = Math.Max(w.Pad + w.Input, (w.Output - 1) * w.Stride + (w.Kernel - 1) * w.Dilation + 1);
            float empty = kind == PoolBlocked.Kind.Max ? float.NegativeInfinity : 0;
            float* row = (float*)Scratch.Get((long)width * sizeof(float));
            new Span<float>(row, w.Pad).Fill(empty);
            new Span<float>(row + w.Pad + w.Input, width - w.Pad - w.Input).Fill(empty);
            for (int i = start; i < end; i++)
            {
                var (plane, oh) = Math.DivRem(i, h.Output);
                h.Taps(oh, out int h0, out int h1);
                float* from = x + ((nint)plane * h.Input + h.Start(oh) + (nint)h0 * h.Dilation) * w.Input, to = y + (nint)i * w.Output;
                if (h1 > h0) fold(from, (nint)h.Dilation * w.Input, h1 - h0, row + w.Pad, w.Input);
                else new Span<float>(row + w.Pad, w.Input).Fill(empty);
                if (w.Stride == 1) fold(row, w.Dilation, w.Kernel, to, w.Output);
                else if (kind == PoolBlocked.Kind.Max) Largest(row, to);
                else Sums(row, to);
                if (kind != PoolBlocked.Kind.Max) Divide(kind == PoolBlocked.Kind.Average ? h1 - h0 : h.PaddedTaps(oh), to);
            }
        }

        private void Largest(float* row, float* to)
        {
            for (int o = 0; o < w.Output; o++, row += w.Stride)
            {
                float best = row[0];
                for (int k = 1; k < w.Kernel; k++) best = MathF.Max(best, row[k * w.Dilation]);
                to[o] = best;
            }
        }

        private void Sums(float* row, float* to)
        {
            for (int o = 0; o < w.Output; o++, row += w.Stride)
            {
                float sum = row[0];
                for (int k = 1; k < w.Kernel; k++) sum += row[k * w.Dilation];
                to[o] = sum;
            }
        }

        private void Divide(int rows, float* to)
        {
            for (int o = 0; o < w.Output; o++)
            {
                w.Taps(o, out int w0, out int w1);
                to[o] /= Math.Max(1, rows * (kind == PoolBlocked.Kind.Average ? w1 - w0 : w.PaddedTaps(o)));
            }
        }
    }
}
