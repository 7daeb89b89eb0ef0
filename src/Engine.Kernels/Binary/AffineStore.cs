using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Where f32 values of [N, C, S] lie: channels in blocks side by side, from planes (blocks of 1) to channels last (one block of all).</summary>
/// <param name="Image">Elements of an image.</param>
/// <param name="BlockStride">Elements from a block of channels to the next.</param>
/// <param name="PixelStride">Elements from a pixel to the next.</param>
/// <param name="Block">Channels of a block.</param>
/// <param name="Plane">Pixels of an image.</param>
public readonly record struct FloatPlaces(nint Image, nint BlockStride, nint PixelStride, int Block, int Plane)
{
    /// <summary>[N, C, S].</summary>
    public static FloatPlaces Planes(int channels, int plane) => new((nint)Checked.Mul(channels, plane), plane, 1, 1, plane);

    /// <summary>[N, ⌈C / block⌉, S, block].</summary>
    public static FloatPlaces Blocked(int channels, int plane, int block) => new((nint)Checked.Mul(Checked.AlignUp(channels, block), plane), (nint)Checked.Mul(plane, block), block, block, plane);

    /// <summary>[N, S, C].</summary>
    public static FloatPlaces ChannelsLast(int channels, int plane) => new((nint)Checked.Mul(channels, plane), 0, channels, channels, plane);

    /// <summary>Element of channel <paramref name="c"/> of pixel <paramref name="p"/> of the batch.</summary>
    public nint At(long p, int c)
    {
        var (n, s) = Math.DivRem(p, Plane);
        return (nint)n * Image + c / Block * BlockStride + (nint)s * PixelStride + c % Block;
    }
}

/// <summary>
/// y = sum · scale + bias, rounded once, plus what lies at the same place of <paramref name="residual"/> unless it is null, and not below <paramref name="least"/>.
/// Scales and biases are a value a channel, readable up to a multiple of 64 of them; lanes that fill a block of channels are written. Sums below 0 have the scale <paramref name="negative"/> unless it is null.
/// </summary>
public readonly unsafe struct AffineStore(float* y, FloatPlaces places, float* scale, float* bias, float* residual, float least, float* negative = null) : ISumStore
{
    private const int Lanes = 16;

    /// <inheritdoc/>
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        bool isLast = places.BlockStride == 0, vectors = Vector128.IsHardwareAccelerated && channel % Lanes == 0;
        if (vectors && places.Block == 1 && !isLast) Planes(sums, stride, pixel, pixels, channel, channels);
        else if (vectors && (isLast || places.Block == Lanes)) Rows(sums, stride, pixel, pixels, channel, channels, isLast);
        else Each(sums, stride, pixel, pixels, channel, 0, channels);
    }

    /// <summary>The same of <paramref name="pixels"/> sums of one channel side by side, from pixel <paramref name="pixel"/> of the batch on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* sums, long pixel, int pixels, int channel)
    {
        float s = scale[channel], b = bias[channel], n = negative == null ? s : negative[channel];
        for (int done = 0, count; done < pixels; done += count)
        {
            count = (int)Math.Min(pixels - done, places.Plane - (pixel + done) % places.Plane);
            nint at = places.At(pixel + done, channel);
            int i = 0;
            if (Vector128.IsHardwareAccelerated && places.PixelStride == 1)
            {
                Vector512<float> scales = Vector512.Create(s), negatives = Vector512.Create(n), biases = Vector512.Create(b), floor = Vector512.Create(least);
                for (; i <= count - Lanes; i += Lanes)
                {
                    var x = Vector512.Load(sums + done + i);
                    var v = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(x), Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<int>.Zero).AsSingle(), negatives, scales), biases);
                    if (residual != null) v += Vector512.Load(residual + at + i);
                    Vector512.ConditionalSelect(Vector512.LessThan(v, floor), floor, v).Store(y + at + i);
                }
            }
            for (; i < count; i++)
            {
                nint to = at + i * places.PixelStride;
                float v = MathF.FusedMultiplyAdd(sums[done + i], sums[done + i] < 0 ? n : s, b);
                if (residual != null) v += residual[to];
                y[to] = v < least ? least : v;
            }
        }
    }

    private void Each(int* sums, nint stride, long pixel, int pixels, int channel, int from, int to)
    {
        for (int i = 0; i < pixels; i++, sums += stride)
            for (int c = from; c < to; c++)
            {
                nint at = places.At(pixel + i, channel + c);
                float v = MathF.FusedMultiplyAdd(sums[c], (sums[c] < 0 && negative != null ? negative : scale)[channel + c], bias[channel + c]);
                if (residual != null) v += residual[at];
                y[at] = v < least ? least : v;
            }
    }

    // Blocks of a vector, or one of all channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rows(int* sums, nint stride, long pixel, int pixels, int channel, int channels, bool isLast)
    {
        int whole = isLast ? channels / Lanes * Lanes : channels;
        nint step = isLast ? Lanes : places.BlockStride;
        float* s = scale + channel, b = bias + channel, n = negative == null ? s : negative + channel;
        var floor = Vector512.Create(least);
        int* row = sums;
        for (int i = 0; i < pixels; i++, row += stride)
        {
            nint at = places.At(pixel + i, channel);
            for (int c = 0; c < whole; c += Lanes, at += step)
            {
                var v = Affine(row + c, s + c, n + c, b + c);
                if (residual != null) v += Vector512.Load(residual + at);
                Vector512.ConditionalSelect(Vector512.LessThan(v, floor), floor, v).Store(y + at);
            }
        }
        if (whole < channels) Each(sums, stride, pixel, pixels, channel, whole, channels);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Affine(int* sums, float* scale, float* negative, float* bias)
    {
        var x = Vector512.Load(sums);
        var factor = Vector512.Load(scale);
        if (negative != scale) factor = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<int>.Zero).AsSingle(), Vector512.Load(negative), factor);
        return Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(x), factor, Vector512.Load(bias));
    }

    // Values take the place of the sums and are turned from there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Planes(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        float* s = scale + channel, b = bias + channel, n = negative == null ? s : negative + channel;
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < channels; c += Lanes) Affine(sums + i * stride + c, s + c, n + c, b + c).Store((float*)(sums + i * stride) + c);
        for (int done = 0, count; done < pixels; done += count)
        {
            count = (int)Math.Min(pixels - done, places.Plane - (pixel + done) % places.Plane);
            nint at = places.At(pixel + done, channel);
            for (int c = 0; c < channels; c += Lanes)
                TileTranspose.Tile((float*)(sums + done * stride) + c, stride, y + at + c * places.BlockStride, places.BlockStride, Math.Min(Lanes, channels - c), count);
            if (residual == null && least == float.NegativeInfinity) continue;
            for (int c = 0; c < channels; c++, at += places.BlockStride) Finish(y + at, residual == null ? null : residual + at, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Finish(float* v, float* r, int count)
    {
        int i = 0;
        var floor = Vector256.Create(least);
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var x = Vector256.Load(v + i);
            if (r != null) x += Vector256.Load(r + i);
            Vector256.ConditionalSelect(Vector256.LessThan(x, floor), floor, x).Store(v + i);
        }
        for (; i < count; i++)
        {
            float x = r == null ? v[i] : v[i] + r[i];
            v[i] = x < least ? least : x;
        }
    }
}
