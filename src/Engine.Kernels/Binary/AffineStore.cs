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

/// <summary>Where signs of f32 results go, a bit each, set where a result is below the threshold, or above it.</summary>
/// <param name="to">Bits, or null for none: of pixels with channels innermost in words of 64, zero past the last channel, or planes of channels.</param>
/// <param name="step">Bytes from a pixel to the next, or from a channel's plane to the next.</param>
/// <param name="threshold">What results are compared with.</param>
/// <param name="above">Set where a result is above.</param>
public readonly unsafe struct AffineSigns(byte* to, nint step, float threshold, bool above)
{
    private readonly uint _flip = above ? 0x80000000 : 0;
    private readonly float _threshold = above ? -threshold : threshold;

    /// <summary>True where signs are wanted.</summary>
    public bool Wanted => to != null;

    /// <summary>The bits of pixel <paramref name="p"/> from channel <paramref name="c"/> on, or of channel p from pixel c on.</summary>
    public byte* At(long p, long c) => to + (nint)p * step + (nint)(c / 8);

    /// <summary>Zeros from channel <paramref name="c"/> of pixel <paramref name="p"/> to the end of its word of 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Clear(long p, int c)
    {
        if (to != null && c % 64 != 0) *(ulong*)At(p, c / 64 * 64) &= (1ul << c % 64) - 1;
    }

    /// <summary>A bit for each of 16 results.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ushort Bits(Vector512<float> v) => (ushort)Vector512.LessThan(v ^ Vector512.Create(_flip).AsSingle(), Vector512.Create(_threshold)).ExtractMostSignificantBits();

    /// <summary>The bit of one result.</summary>
    public bool Bit(float v) => (_flip == 0 ? v : -v) < _threshold;
}

/// <summary>
/// y = sum · scale + bias, rounded once, plus what lies at the same place of <paramref name="residual"/> unless it is null, and not below <paramref name="least"/>.
/// Scales and biases are a value a channel, readable up to a multiple of 64 of them; lanes that fill a block of channels are written. Sums below 0 have the scale <paramref name="negative"/> unless it is null.
/// The signs of results go to <paramref name="signs"/>: with <see cref="Store(int*, long, int, int)"/> to planes, otherwise, of channels in blocks, to bits with channels innermost. Results may lie on the residual
/// where channels lie in blocks, or with one channel at a time.
/// </summary>
public readonly unsafe struct AffineStore(float* y, FloatPlaces places, float* scale, float* bias, float* residual, float least, float* negative = null, AffineSigns signs = default) : ISumStore
{
    private const int Lanes = 16, PlaneWords = BitPlanes.PlaneBytes / sizeof(ulong);

    /// <inheritdoc/>
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        bool isLast = places.BlockStride == 0, vectors = Vector128.IsHardwareAccelerated && channel % Lanes == 0;
        if (vectors && places.Block == 1 && !isLast) Planes(sums, stride, pixel, pixels, channel, channels);
        else if (vectors && (isLast || places.Block == Lanes)) Rows(sums, stride, pixel, pixels, channel, channels, isLast);
        else Each(sums, stride, pixel, pixels, channel, 0, channels);
    }

    /// <summary>The same of <paramref name="pixels"/> sums of one channel side by side, from pixel <paramref name="pixel"/> of the batch on; where signs are wanted at most a block of <see cref="BitPlanes"/>, from its first pixel on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* sums, long pixel, int pixels, int channel)
    {
        float s = scale[channel], b = bias[channel], n = negative == null ? s : negative[channel];
        ulong* bits = stackalloc ulong[PlaneWords + 1];
        if (signs.Wanted) new Span<ulong>(bits, PlaneWords + 1).Clear();
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
                    v = Vector512.ConditionalSelect(Vector512.LessThan(v, floor), floor, v);
                    v.Store(y + at + i);
                    if (signs.Wanted) Put(bits, done + i, signs.Bits(v));
                }
            }
            for (; i < count; i++)
            {
                nint to = at + i * places.PixelStride;
                float v = MathF.FusedMultiplyAdd(sums[done + i], sums[done + i] < 0 ? n : s, b);
                if (residual != null) v += residual[to];
                v = v < least ? least : v;
                y[to] = v;
                if (signs.Wanted && signs.Bit(v)) Put(bits, done + i, 1);
            }
        }
        if (signs.Wanted) new ReadOnlySpan<byte>(bits, PlaneWords * sizeof(ulong)).CopyTo(new(signs.At(channel, pixel), PlaneWords * sizeof(ulong)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(ulong* bits, int at, ulong value)
    {
        bits[at / 64] |= value << at % 64;
        // 16 bits may reach into the next word.
        if (at % 64 > 48) bits[at / 64 + 1] |= value >> 64 - at % 64;
    }

    private void Each(int* sums, nint stride, long pixel, int pixels, int channel, int from, int to)
    {
        for (int i = 0; i < pixels; i++, sums += stride)
            for (int c = from; c < to; c++)
            {
                nint at = places.At(pixel + i, channel + c);
                float v = MathF.FusedMultiplyAdd(sums[c], (sums[c] < 0 && negative != null ? negative : scale)[channel + c], bias[channel + c]);
                if (residual != null) v += residual[at];
                v = v < least ? least : v;
                y[at] = v;
                if (!signs.Wanted) continue;
                byte* bits = signs.At(pixel + i, channel + c);
                int bit = 1 << (channel + c) % 8;
                *bits = (byte)(signs.Bit(v) ? *bits | bit : *bits & ~bit);
                if (c == to - 1) signs.Clear(pixel + i, channel + to);
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
                v = Vector512.ConditionalSelect(Vector512.LessThan(v, floor), floor, v);
                v.Store(y + at);
                if (signs.Wanted) *(ushort*)signs.At(pixel + i, channel + c) = signs.Bits(v);
            }
            signs.Clear(pixel + i, channel + whole);
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
