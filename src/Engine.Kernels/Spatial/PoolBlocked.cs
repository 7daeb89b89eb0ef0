using System.Numerics;

namespace Engine.Kernels;

/// <summary>Pools in f32 on tensors blocked by 16 channels: whole blocks of lanes at once, row by row. Up to two spatial axes.</summary>
public static unsafe class PoolBlocked
{
    private const int Block = ConvBlocked.Block, MostRowPixels = 1 << 16;

    /// <summary>Maximum, or mean over the values inside, or mean over the padded window.</summary>
    public enum Kind
    {
        /// <summary>The maximum; a NaN in a window is its maximum.</summary>
        Max,
        /// <summary>The mean of the values inside the input.</summary>
        Average,
        /// <summary>The mean, padding counted as zeros.</summary>
        AveragePadded,
    }

    /// <summary>True when the pool runs here: at most two spatial axes, and a padded row that fits scratch memory.</summary>
    public static bool Supports(in Window3 w) => w.D.IsPointwise && RowPixels(w.W) <= MostRowPixels;

    // Windows may reach past the padding at the end too.
    private static long RowPixels(in WindowDim w) => Math.Max((long)w.Pad + w.Input, (w.Output - 1L) * w.Stride + (w.Kernel - 1L) * w.Dilation + 1);

    /// <summary>One value a window; <paramref name="planes"/> is batch times channel blocks. Rows of a window are folded first, then along the row.</summary>
    public static void Run(Workers workers, Kind kind, int planes, in Window3 window, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)planes * window.H.Output), (int)Math.Clamp(4096.0 / Math.Max(1, (double)window.W.Output * window.Taps), 1, 1 << 20),
            new Body(kind, (kind == Kind.Max ? FoldRows.Max : FoldRows.Sum).Best, window.H, window.W, x, y));

    /// <summary>Means of whole channels: x blocked [batch, blocks, pixels, 16] → y plain [batch, channels].</summary>
    public static void GlobalAverage(Workers workers, int batch, int channels, int pixels, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)batch * ((channels + Block - 1) / Block)), Math.Max(1, 2048 / Math.Max(1, pixels)), new GlobalBody(FoldRows.Sum.Best, channels, pixels, x, y));

    private readonly struct Body(Kind kind, FoldRows.Fn fold, WindowDim h, WindowDim w, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int width = (int)RowPixels(w), inside = w.Input * Block;
            float empty = kind == Kind.Max ? float.NegativeInfinity : 0;
            float* row = (float*)Scratch.Get((long)width * Block * sizeof(float)), input = row + (nint)w.Pad * Block;
            new Span<float>(row, w.Pad * Block).Fill(empty);
            new Span<float>(input + inside, (width - w.Pad - w.Input) * Block).Fill(empty);
            for (int i = start; i < end; i++)
            {
                var (plane, oh) = Math.DivRem(i, h.Output);
                h.Taps(oh, out int h0, out int h1);
                float* from = x + ((nint)plane * h.Input + h.Start(oh) + (nint)h0 * h.Dilation) * inside, to = y + (nint)i * w.Output * Block;
                if (h1 > h0) fold(from, (nint)h.Dilation * inside, h1 - h0, input, inside);
                else new Span<float>(input, inside).Fill(empty);
                if (w.Stride == 1) fold(row, (nint)w.Dilation * Block, w.Kernel, to, (nint)w.Output * Block);
                else for (int o = 0; o < w.Output; o++) fold(row + (nint)o * w.Stride * Block, (nint)w.Dilation * Block, w.Kernel, to + (nint)o * Block, Block);
                if (kind != Kind.Max) Divide(kind == Kind.Average ? h1 - h0 : h.PaddedTaps(oh), to);
            }
        }

        private void Divide(int rows, float* to)
        {
            for (int o = 0; o < w.Output; o++, to += Block)
            {
                w.Taps(o, out int w0, out int w1);
                float divisor = Math.Max(1, rows * (kind == Kind.Average ? w1 - w0 : w.PaddedTaps(o)));
                var divisors = new Vector<float>(divisor);
                for (int l = 0; l < Block; l += Vector<float>.Count) Vector.Store(Vector.Load(to + l) / divisors, to + l);
            }
        }
    }

    private readonly struct GlobalBody(FoldRows.Fn sum, int channels, int pixels, float* x, float* y) : IParallelBody
    {
        // Pixels summed in single precision before they join the double sums.
        private const int Chunk = 64;

        public void Run(int start, int end)
        {
            int blocks = (channels + Block - 1) / Block;
            double* total = stackalloc double[Block];
            float* part = stackalloc float[Block];
            for (int i = start; i < end; i++)
            {
                new Span<double>(total, Block).Clear();
                float* from = x + (nint)i * pixels * Block;
                for (int p = 0; p < pixels; p += Chunk)
                {
                    sum(from + (nint)p * Block, Block, Math.Min(Chunk, pixels - p), part, Block);
                    for (int l = 0; l < Block; l++) total[l] += part[l];
                }
                int first = i % blocks * Block;
                float* to = y + (nint)(i / blocks) * channels + first;
                for (int l = 0; l < Math.Min(Block, channels - first); l++) to[l] = (float)(total[l] / Math.Max(1, pixels));
            }
        }
    }
}
