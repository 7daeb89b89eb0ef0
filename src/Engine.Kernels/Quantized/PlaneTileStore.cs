using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Takes tiles of integer sums whose rows are output pixels and whose columns are channels, into planes [N, <paramref name="outputs"/>, <paramref name="plane"/>]: as i32 at
/// <paramref name="values"/> where that is given, else as codes clamp(round((sum + bias) · factor) + zero, min, max) at <paramref name="codes"/>, to nearest even, in binary32.
/// </summary>
public readonly unsafe struct PlaneTileStore(int* values, byte* codes, int outputs, int plane, float* factor, int* bias, int zero, int min, int max, long firstPixel = 0, int firstChannel = 0) : ITileStore, ISumStore
{
    /// <summary>The sums themselves.</summary>
    public PlaneTileStore(int* values, int outputs, int plane) : this(values, null, outputs, plane, null, null, 0, 0, 0)
    {
    }

    /// <summary>The same for tiles whose pixels and channels are counted from these on.</summary>
    public PlaneTileStore From(long pixel, int channel) => new(values, codes, outputs, plane, factor, bias, zero, min, max, pixel, channel);

    /// <inheritdoc/>
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns) => Store(tile, tileStride, firstPixel + row, rows, firstChannel + column, columns);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        while (pixels > 0)
        {
            var (n, p) = Math.DivRem(pixel, plane);
            // A tile may hold the end of one picture and the beginning of the next.
            int count = (int)Math.Min(pixels, plane - p);
            for (int c = channel; c < channel + channels; c++)
            {
                int* from = sums + (c - channel);
                nint to = ((nint)n * outputs + c) * plane + (nint)p;
                if (values != null)
                    for (int i = 0; i < count; i++) values[to + i] = from[i * stride];
                else
                    for (int i = 0; i < count; i++) codes[to + i] = (byte)Requantize.Code(unchecked(from[i * stride] + (bias == null ? 0 : bias[c])) * factor[c], zero, min, max);
            }
            sums += count * stride;
            pixel += count;
            pixels -= count;
        }
    }
}
