namespace Engine.Kernels;

/// <summary>Takes finished tiles of integer sums over channels-last codes: the epilogue.</summary>
public unsafe interface ISumStore
{
    /// <summary>
    /// Stores sums [<paramref name="pixels"/>, <paramref name="channels"/>] with rows of <paramref name="stride"/> ints, readable up to a multiple of
    /// 16 channels, at the output's pixel (counted over the whole batch) and channel.
    /// </summary>
    void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels);
}

/// <summary>Requantizes to u8 codes; pixels of y lie <paramref name="yStride"/> bytes apart.</summary>
public readonly unsafe struct CodeStore(RequantizeU8.Fn run, Requantization r, byte* y, int yStride) : ISumStore
{
    /// <inheritdoc/>
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels) => run(sums, stride, pixels, channels, r.From(channel), y + (nint)pixel * yStride + channel, yStride);
}

/// <summary>y = min(max(sum · scale + offset, least), most) in f32, computed in binary64, as [N, <paramref name="outputs"/>, <paramref name="plane"/>].</summary>
public readonly unsafe struct PlaneStore(float* y, int outputs, int plane, double* scale, double* offset, double least, double most) : ISumStore
{
    /// <inheritdoc/>
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        for (int i = 0; i < pixels; i++, sums += stride)
        {
            var (n, p) = Math.DivRem(pixel + i, plane);
            float* to = y + ((nint)n * outputs + channel) * plane + (nint)p;
            for (int c = 0; c < channels; c++) to[(nint)c * plane] = (float)Math.Min(Math.Max(sums[c] * scale[channel + c] + offset[channel + c], least), most);
        }
    }
}
