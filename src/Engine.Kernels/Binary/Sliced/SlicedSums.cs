using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>What becomes of the sums of a bit-sliced convolution.</summary>
internal unsafe interface ISlicedSums
{
    /// <summary>Takes <paramref name="count"/> sums of a channel, of pixels of the batch from <paramref name="pixel"/> on.</summary>
    void Store(int* sums, int channel, int pixel, int count);
}

/// <summary>There are none.</summary>
internal readonly unsafe struct NoSums : ISlicedSums
{
    public void Store(int* sums, int channel, int pixel, int count) { }
}

/// <summary>i32 [N, M, pixels].</summary>
internal readonly unsafe struct PlainSums(int* y, int channels, int pixels) : ISlicedSums
{
    public void Store(int* sums, int channel, int pixel, int count)
    {
        for (int i = 0; i < count;)
        {
            var (n, p) = Math.DivRem(pixel + i, pixels);
            int run = Math.Min(count - i, pixels - p);
            new ReadOnlySpan<int>(sums + i, run).CopyTo(new(y + ((long)n * channels + channel) * pixels + p, run));
            i += run;
        }
    }
}

/// <summary>f32 [N, M, pixels]: sum · scale + bias + residual.</summary>
internal readonly unsafe struct AffineSums(float* y, int channels, int pixels, float* scale, float* bias, float* residual) : ISlicedSums
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* sums, int channel, int pixel, int count)
    {
        float s = scale[channel], b = bias[channel];
        for (int i = 0; i < count;)
        {
            var (n, p) = Math.DivRem(pixel + i, pixels);
            int run = Math.Min(count - i, pixels - p), k = 0;
            long at = ((long)n * channels + channel) * pixels + p;
            float* to = y + at, rest = residual == null ? null : residual + at;
            for (; k <= run - Vector<int>.Count; k += Vector<int>.Count)
            {
                var v = Vector.ConvertToSingle(Vector.Load(sums + i + k)) * new Vector<float>(s) + new Vector<float>(b);
                if (rest != null) v += Vector.Load(rest + k);
                Vector.Store(v, to + k);
            }
            for (; k < run; k++)
            {
                float v = sums[i + k] * s + b;
                to[k] = rest == null ? v : v + rest[k];
            }
            i += run;
        }
    }
}
