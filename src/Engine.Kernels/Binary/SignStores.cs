using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Sums as they are, channels last: y[pixel, channel], pixels <paramref name="yStride"/> elements apart.</summary>
public readonly unsafe struct ChannelSumStore(int* y, nint yStride) : ISumStore
{
    /// <inheritdoc/>
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        int* to = y + (nint)pixel * yStride + channel;
        for (int i = 0; i < pixels; i++, sums += stride, to += yStride) new ReadOnlySpan<int>(sums, channels).CopyTo(new(to, channels));
    }
}

/// <summary>
/// Signs by integer thresholds, channels last in words of 64, bit 1 for −1: y = −1 where sum &lt; t, or where the direction is negative where sum &gt; t. <paramref name="terms"/>
/// are those of <see cref="Terms"/>. A word that channels share is written by calls one after the other, from its first channel on.
/// </summary>
/// <param name="y">The words [pixels, <paramref name="words"/>].</param>
/// <param name="words">Words of a pixel.</param>
/// <param name="terms">Thresholds and directions.</param>
/// <param name="padded">Channels padded to a multiple of 64.</param>
public readonly unsafe struct SignStore(ulong* y, int words, int* terms, int padded) : ISumStore
{
    /// <summary>Channels as <see cref="Terms"/> counts them.</summary>
    public static int Padded(int channels) => Checked.Int(Checked.AlignUp(channels, 64));

    /// <summary>
    /// Thresholds and directions as the store wants them, [2, <see cref="Padded"/>]. A channel is always −1 with the direction + and the threshold <see cref="int.MaxValue"/>, and always +1 with
    /// + and <see cref="int.MinValue"/>; |sum| is less than either.
    /// </summary>
    public static void Terms(ReadOnlySpan<int> thresholds, ReadOnlySpan<bool> negative, Span<int> terms)
    {
        terms.Clear();
        int padded = Padded(thresholds.Length);
        for (int c = 0; c < thresholds.Length; c++)
        {
            // sum > t is ~sum < ~t.
            int flip = negative[c] ? -1 : 0;
            terms[c] = thresholds[c] ^ flip;
            terms[padded + c] = flip;
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int channels)
    {
        for (int c = 0; c < channels; c += 64)
        {
            int at = (channel + c) % 64, used = Math.Min(64, channels - c);
            ulong mask = used == 64 ? ulong.MaxValue : (1ul << used) - 1;
            ulong* to = y + (nint)pixel * words + (channel + c) / 64;
            int* t = terms + channel + c, s = sums + c;
            for (int i = 0; i < pixels; i++, s += stride, to += words)
            {
                ulong bits = at == 0 ? Bits(s, t) & mask : Bits(s, t, used);
                if (at == 0) *to = bits;
                else *to |= bits << at;
                if (at + used > 64) to[1] = bits >> 64 - at;
            }
        }
    }

    // Terms are readable up to a multiple of 64 channels; sums too, where they begin with a word.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Bits(int* s, int* t)
    {
        if (!Vector128.IsHardwareAccelerated) return Bits(s, t, 64);
        int* f = t + padded;
        return Bits16(s, t, f) | Bits16(s + 16, t + 16, f + 16) << 16 | Bits16(s + 32, t + 32, f + 32) << 32 | Bits16(s + 48, t + 48, f + 48) << 48;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Bits16(int* s, int* t, int* f) => Vector512.LessThan(Vector512.Load(s) ^ Vector512.Load(f), Vector512.Load(t)).ExtractMostSignificantBits();

    private ulong Bits(int* s, int* t, int count)
    {
        ulong bits = 0;
        for (int c = 0; c < count; c++)
            if ((s[c] ^ t[padded + c]) < t[c]) bits |= 1ul << c;
        return bits;
    }
}
