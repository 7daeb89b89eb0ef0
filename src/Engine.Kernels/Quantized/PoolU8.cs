using System.Numerics;

namespace Engine.Kernels;

/// <summary>Pools of channels-last u8 codes [N, D, H, W, C], C padded to a multiple of 4.</summary>
public static unsafe class PoolU8
{
    /// <summary>y[i, c] = the largest of the taps' codes: of pixel i, <paramref name="taps"/> pixels at x + i · pixelStride + offsets[t].</summary>
    public delegate void MaxFn(byte* x, nint pixelStride, nint* offsets, int taps, byte* y, int channels, int pixels);

    /// <summary>sums[c] += Σ of <paramref name="pixels"/> pixels' codes, <paramref name="stride"/> bytes apart.</summary>
    public delegate void SumFn(byte* x, nint stride, int pixels, int channels, int* sums);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<MaxFn> MaxTable { get; } = new("max-pool-u8",
        new("vector", Vector.IsHardwareAccelerated, MaxVectors),
        new("scalar", true, MaxScalar));

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<SumFn> SumTable { get; } = new("sum-u8",
        new("vector", Vector.IsHardwareAccelerated, SumVectors),
        new("scalar", true, SumScalar));

    /// <summary>Largest code of every window; padding is left out, a window of nothing else gives code 0. At most <see cref="MostTaps"/> taps.</summary>
    public static void Max(Workers workers, int batch, int channels, in Window3 w, byte* x, byte* y) =>
        workers.For(w.RowsOf(batch), Math.Max(1, 32768 / Math.Max(1, w.W.Output * w.Taps * channels / 16)), new MaxBody(ChannelsLast.Padded(channels), w, x, y));

    /// <summary>Most taps of a window.</summary>
    public const int MostTaps = 1024;

    private readonly struct MaxBody(int channels, Window3 w, byte* x, byte* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var max = MaxTable.Best;
            nint* offsets = stackalloc nint[w.Taps];
            for (int r = start; r < end; r++)
            {
                w.Locate(r, out int n, out int od, out int oh);
                byte* image = x + (nint)n * w.Inputs * channels, to = y + (nint)r * w.W.Output * channels;
                w.D.Taps(od, out int d0, out int d1);
                w.H.Taps(oh, out int h0, out int h1);
                for (int ow = 0; ow < w.W.Output;)
                {
                    w.W.Taps(ow, out int w0, out int w1);
                    int taps = 0, pixels = 1;
                    for (int d = d0; d < d1; d++)
                        for (int h = h0; h < h1; h++)
                            for (int k = w0; k < w1; k++)
                                offsets[taps++] = (((nint)(w.D.Start(od) + d * w.D.Dilation) * w.H.Input + w.H.Start(oh) + h * w.H.Dilation) * w.W.Input + w.W.Start(ow) + k * w.W.Dilation) * channels;
                    // Pixels whose windows lie inside have the same taps.
                    while (w1 - w0 == w.W.Kernel && ow + pixels < w.W.Output && w.W.Start(ow + pixels) + (long)(w.W.Kernel - 1) * w.W.Dilation < w.W.Input) pixels++;
                    max(image, (nint)w.W.Stride * channels, offsets, taps, to, channels, pixels);
                    ow += pixels;
                    to += (nint)pixels * channels;
                }
            }
        }
    }

    private static void MaxVectors(byte* x, nint pixelStride, nint* offsets, int taps, byte* y, int channels, int pixels)
    {
        int whole = channels - channels % Vector<byte>.Count;
        for (int i = 0; i < pixels; i++, x += pixelStride, y += channels)
        {
            for (int c = 0; c < whole; c += Vector<byte>.Count)
            {
                var m = Vector<byte>.Zero;
                for (int t = 0; t < taps; t++) m = Vector.Max(m, Vector.Load(x + offsets[t] + c));
                m.Store(y + c);
            }
            MaxFrom(whole, x, offsets, taps, y, channels);
        }
    }

    private static void MaxScalar(byte* x, nint pixelStride, nint* offsets, int taps, byte* y, int channels, int pixels)
    {
        for (int i = 0; i < pixels; i++) MaxFrom(0, x + i * pixelStride, offsets, taps, y + (nint)i * channels, channels);
    }

    private static void MaxFrom(int c, byte* x, nint* offsets, int taps, byte* y, int channels)
    {
        for (; c < channels; c++)
        {
            byte m = 0;
            for (int t = 0; t < taps; t++) m = Math.Max(m, x[offsets[t] + c]);
            y[c] = m;
        }
    }

    private static void SumVectors(byte* x, nint stride, int pixels, int channels, int* sums)
    {
        int c = 0, n = Vector<int>.Count;
        for (; c <= channels - Vector<byte>.Count; c += Vector<byte>.Count)
        {
            Vector<uint> s0 = Vector.Load((uint*)sums + c), s1 = Vector.Load((uint*)sums + c + n), s2 = Vector.Load((uint*)sums + c + 2 * n), s3 = Vector.Load((uint*)sums + c + 3 * n);
            byte* p = x + c;
            for (int i = 0; i < pixels;)
            {
                // 256 codes fit a sum of 16 bits.
                Vector<ushort> low = default, high = default;
                for (int end = Math.Min(pixels, i + 256); i < end; i++, p += stride)
                {
                    Vector.Widen(Vector.Load(p), out var l, out var h);
                    low += l;
                    high += h;
                }
                Vector.Widen(low, out var a, out var b);
                s0 += a;
                s1 += b;
                Vector.Widen(high, out a, out b);
                s2 += a;
                s3 += b;
            }
            s0.Store((uint*)sums + c);
            s1.Store((uint*)sums + c + n);
            s2.Store((uint*)sums + c + 2 * n);
            s3.Store((uint*)sums + c + 3 * n);
        }
        SumFrom(c, x, stride, pixels, channels, sums);
    }

    private static void SumScalar(byte* x, nint stride, int pixels, int channels, int* sums) => SumFrom(0, x, stride, pixels, channels, sums);

    private static void SumFrom(int first, byte* x, nint stride, int pixels, int channels, int* sums)
    {
        for (int i = 0; i < pixels; i++, x += stride)
            for (int c = first; c < channels; c++) sums[c] += x[c];
    }
}
