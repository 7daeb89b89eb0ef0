namespace Engine.Kernels;

/// <summary>Binary operators on plain f32 tensors, by their definitions: an element below 0 counts as −1, any other, NaN included, as +1.</summary>
public static unsafe class BinaryReference
{
    /// <summary>y = −1 where direction · (x − threshold) is below 0, else +1; planes of <paramref name="inner"/> elements, a threshold each <paramref name="step"/> of 1 or one for all with 0.</summary>
    public static void Sign(Workers workers, float* x, int planes, int channels, int inner, float* threshold, int step, int direction, float* y) =>
        workers.For(planes, Math.Max(1, 32768 / Math.Max(1, inner)), new SignBody(x, channels, inner, threshold, step, direction, y));

    /// <summary>Sums s of a convolution [outer, M, inner] become scale · s + bias, rounded once, where s &lt; 0 with <paramref name="negative"/> for the scale; each may be empty.</summary>
    public static void Affine(Span<float> sums, int channels, int inner, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias, ReadOnlySpan<float> negative)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            int m = i / inner % channels;
            float factor = sums[i] < 0 && !negative.IsEmpty ? negative[m] : scale.IsEmpty ? 1 : scale[m];
            sums[i] = MathF.FusedMultiplyAdd(factor, sums[i], bias.IsEmpty ? 0 : bias[m]);
        }
    }

    /// <summary>Sums s of a convolution [outer, M, inner] become −1 where direction · (s − threshold) is below 0, else +1; <paramref name="direction"/> may be empty.</summary>
    public static void Threshold(Span<float> sums, int channels, int inner, ReadOnlySpan<int> threshold, ReadOnlySpan<sbyte> direction)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            int m = i / inner % channels, s = (int)sums[i];
            sums[i] = (direction.IsEmpty || direction[m] > 0 ? s < threshold[m] : s > threshold[m]) ? -1 : 1;
        }
    }

    /// <summary>The largest of each window, in channels of a negative direction the smallest, <paramref name="direction"/> null where there are none; a window without an element gives −1, or +1.</summary>
    public static void MaxPool(Workers workers, int planes, int channels, in Window3 window, float* x, sbyte* direction, float* y) =>
        workers.For(planes, Math.Max(1, 32768 / Math.Max(1, window.Outputs * window.Taps)), new PoolBody(window, channels, direction, x, y));

    private readonly struct SignBody(float* x, int channels, int inner, float* threshold, int step, int direction, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int p = start; p < end; p++)
            {
                float t = threshold is null ? 0 : threshold[p % channels * step];
                float* from = x + (nint)p * inner, to = y + (nint)p * inner;
                for (int i = 0; i < inner; i++) to[i] = (direction > 0 ? from[i] < t : from[i] > t) ? -1 : 1;
            }
        }
    }

    private readonly struct PoolBody(Window3 window, int channels, sbyte* direction, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var (d, h, w) = (window.D, window.H, window.W);
            for (int p = start; p < end; p++)
            {
                bool max = direction is null || direction[p % channels] > 0;
                float* from = x + (nint)p * window.Inputs, to = y + (nint)p * window.Outputs;
                for (int od = 0; od < d.Output; od++)
                    for (int oh = 0; oh < h.Output; oh++)
                        for (int ow = 0; ow < w.Output; ow++)
                        {
                            d.Taps(od, out int d0, out int d1);
                            h.Taps(oh, out int h0, out int h1);
                            w.Taps(ow, out int w0, out int w1);
                            bool any = false;
                            for (int kd = d0; kd < d1; kd++)
                                for (int kh = h0; kh < h1; kh++)
                                    for (int kw = w0; kw < w1; kw++)
                                        any |= from[((nint)(d.Start(od) + kd * d.Dilation) * h.Input + h.Start(oh) + kh * h.Dilation) * w.Input + w.Start(ow) + kw * w.Dilation] < 0 != max;
                            *to++ = any == max ? 1 : -1;
                        }
            }
        }
    }
}
