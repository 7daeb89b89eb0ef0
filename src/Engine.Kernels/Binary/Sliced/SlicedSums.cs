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

/// <summary>f32 numbers where <paramref name="store"/> says.</summary>
internal readonly unsafe struct AffineSums(AffineStore store) : ISlicedSums
{
    public void Store(int* sums, int channel, int pixel, int count) => store.Store(sums, pixel, count, channel);
}
