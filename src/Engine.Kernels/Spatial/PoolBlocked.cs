using System.Numerics;

namespace Engine.Kernels;

/// <summary>Pools in f32 on tensors blocked by 16 channels: whole blocks of lanes at once, row by row. Up to two spatial axes.</summary>
public static unsafe class PoolBlocked
{
    private const int Block = ConvBlocked.Block;

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

    /// <summary>One value a window; <paramref name="planes"/> is batch times channel blocks.</summary>
    public static void Run(Workers workers, Kind kind, int planes, in Window3 window, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)planes * window.H.Output), (int)Math.Clamp(4096.0 / Math.Max(1, (double)window.W.Output * window.Taps), 1, 1 << 20), new Body(kind, window.H, window.W, x, y));

    /// <summary>Means of whole channels: x blocked [batch, blocks, pixels, 16] → y plain [batch, channels].</summary>
    public static void GlobalAverage(Workers workers, int batch, int channels, int pixels, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)batch * ((channels + Block - 1) / Block)), Math.Max(1, 2048 / Math.Max(1, pixels)), new GlobalBody(channels, pixels, x, y));

    private readonly struct Body(Kind kind, WindowDim h, WindowDim w, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                int plane = i / h.Output, oh = i % h.Output;
                h.Taps(oh, out int h0, out int h1);
                float* to = y + (nint)i * w.Output * Block;
                new Span<float>(to, w.Output * Block).Fill(kind == Kind.Max ? float.NegativeInfinity : 0);
                for (int kh = h0; kh < h1; kh++)
                    for (int kw = 0; kw < w.Kernel; kw++)
                    {
                        w.Outputs(kw, out int first, out int last);
                        float* from = x + (((nint)plane * h.Input + h.Start(oh) + kh * h.Dilation) * w.Input + (nint)first * w.Stride - w.Pad + (nint)kw * w.Dilation) * Block;
                        if (kind == Kind.Max) Take<Maximum>(from, (nint)w.Stride * Block, to + (nint)first * Block, last - first);
                        else Take<Total>(from, (nint)w.Stride * Block, to + (nint)first * Block, last - first);
                    }
                if (kind == Kind.Max) continue;
                for (int ow = 0; ow < w.Output; ow++)
                {
                    w.Taps(ow, out int w0, out int w1);
                    int count = kind == Kind.Average ? (h1 - h0) * (w1 - w0) : h.PaddedTaps(oh) * w.PaddedTaps(ow);
                    float divisor = Math.Max(1, count);
                    for (int l = 0; l < Block; l++) to[(nint)ow * Block + l] /= divisor;
                }
            }
        }

        private static void Take<TStep>(float* x, nint step, float* y, int pixels) where TStep : struct, IStep
        {
            for (; pixels > 0; pixels--, x += step, y += Block)
                for (int l = 0; l < Block; l += Vector<float>.Count) TStep.Of(Vector.Load(y + l), Vector.Load(x + l)).Store(y + l);
        }
    }

    private interface IStep { static abstract Vector<float> Of(Vector<float> state, Vector<float> x); }
    private readonly struct Maximum : IStep { public static Vector<float> Of(Vector<float> state, Vector<float> x) => Vector.Max(state, x); }
    private readonly struct Total : IStep { public static Vector<float> Of(Vector<float> state, Vector<float> x) => state + x; }

    private readonly struct GlobalBody(int channels, int pixels, float* x, float* y) : IParallelBody
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
                    new Span<float>(part, Block).Clear();
                    for (int q = p; q < Math.Min(pixels, p + Chunk); q++)
                        for (int l = 0; l < Block; l += Vector<float>.Count) (Vector.Load(part + l) + Vector.Load(from + (nint)q * Block + l)).Store(part + l);
                    for (int l = 0; l < Block; l++) total[l] += part[l];
                }
                int first = i % blocks * Block;
                float* to = y + (nint)(i / blocks) * channels + first;
                for (int l = 0; l < Math.Min(Block, channels - first); l++) to[l] = (float)(total[l] / Math.Max(1, pixels));
            }
        }
    }
}
