using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Moves between <see cref="BitPlanes"/>, words with channels innermost, and f32.</summary>
public static unsafe class PlaneConvert
{
    private const int Lanes = BitPlanes.PlaneBytes / sizeof(ulong), Size = BitTranspose.Size;

    /// <summary>Words [pixels, ⌈channels / 64⌉], channel c at bit c mod 64, to planes.</summary>
    public static void FromWords(Workers workers, ulong* x, int pixels, int channels, byte* y) =>
        workers.For(BitPlanes.Blocks(pixels), 4, new WordsBody(x, pixels, channels, y, true));

    /// <summary>Planes to words [pixels, ⌈channels / 64⌉]; bits behind the last channel are zero.</summary>
    public static void ToWords(Workers workers, byte* x, int pixels, int channels, ulong* y) =>
        workers.For(BitPlanes.Blocks(pixels), 4, new WordsBody(y, pixels, channels, x, false));

    /// <summary>Signs of f32 [images, channels, pixels of an image]: −1 where x is below the threshold, or above it.</summary>
    public static void FromF32(Workers workers, float* x, int images, int channels, int pixels, float threshold, bool above, byte* y) =>
        workers.For(channels, (int)Math.Max(1, 65536 / Math.Max(1, (long)images * pixels)), new SignBody(x, images, channels, pixels, threshold, above, y));

    /// <summary>−1 and +1 as f32 [images, channels, pixels of an image].</summary>
    public static void ToF32(Workers workers, byte* x, int images, int channels, int pixels, float* y) =>
        workers.For(channels, (int)Math.Max(1, 32768 / Math.Max(1, (long)images * pixels)), new FloatBody(x, images, channels, pixels, y));

    private readonly struct WordsBody(ulong* words, int pixels, int channels, byte* planes, bool toPlanes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var transpose = BitTranspose.Table.Best;
            byte* square = stackalloc byte[Size * BitPlanes.PlaneBytes + 64];
            square = (byte*)((nint)(square + 63) & ~63);
            ulong* s = (ulong*)square;
            int across = (channels + 63) / 64;
            long step = BitPlanes.ChannelBytes(pixels);
            for (int b = start; b < end; b++)
            {
                int used = Math.Min(BitPlanes.BlockPixels, pixels - b * BitPlanes.BlockPixels);
                for (int w = 0; w < across; w++)
                {
                    ulong* at = words + (long)b * BitPlanes.BlockPixels * across + w;
                    byte* plane = planes + w * Size * step + (long)b * BitPlanes.PlaneBytes;
                    int count = Math.Min(Size, channels - w * Size);
                    if (toPlanes)
                    {
                        for (int p = 0; p < BitPlanes.BlockPixels; p++) s[p % Size * Lanes + p / Size] = p < used ? at[(long)p * across] : 0;
                        transpose(square);
                        for (int c = 0; c < count; c++) Copy(square + c * BitPlanes.PlaneBytes, plane + c * step);
                    }
                    else
                    {
                        for (int c = 0; c < Size; c++)
                            if (c < count) Copy(plane + c * step, square + c * BitPlanes.PlaneBytes);
                            else new Span<byte>(square + c * BitPlanes.PlaneBytes, BitPlanes.PlaneBytes).Clear();
                        transpose(square);
                        for (int p = 0; p < used; p++) at[(long)p * across] = s[p % Size * Lanes + p / Size];
                    }
                }
            }
        }

        private static void Copy(byte* from, byte* to) => new ReadOnlySpan<byte>(from, BitPlanes.PlaneBytes).CopyTo(new(to, BitPlanes.PlaneBytes));
    }

    private readonly struct SignBody(float* x, int images, int channels, int pixels, float threshold, bool above, byte* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var signs = SignBits.Table.Best;
            const int Words = 64;
            ulong* bits = stackalloc ulong[Words];
            int all = Checked.Int(Checked.Mul(images, pixels));
            for (int c = start; c < end; c++)
            {
                ulong* to = (ulong*)(y + c * BitPlanes.ChannelBytes(all));
                new Span<byte>(to, BitPlanes.Blocks(all) * BitPlanes.PlaneBytes).Clear();
                for (int n = 0; n < images; n++)
                {
                    float* from = x + ((long)n * channels + c) * pixels;
                    for (int p = 0; p < pixels; p += 64 * Words)
                    {
                        int count = Math.Min(64 * Words, pixels - p);
                        signs(from + p, count, threshold, above, bits);
                        Append(bits, count, to, (long)n * pixels + p);
                    }
                }
            }
        }

        // Bits behind the last are zero on both sides.
        private static void Append(ulong* bits, int count, ulong* to, long at)
        {
            int shift = (int)(at & 63);
            to += at >> 6;
            for (int i = 0; i < count; i += 64, bits++, to++)
            {
                *to |= *bits << shift;
                if (shift != 0 && count - i > 64 - shift) to[1] |= *bits >> (64 - shift);
            }
        }
    }

    private readonly struct FloatBody(byte* x, int images, int channels, int pixels, float* y) : IParallelBody
    {
        private const uint One = 0x3f800000;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var places = Vector512.Create(1u, 1u << 1, 1u << 2, 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7, 1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15);
            Vector512<uint> one = Vector512.Create(One), minus = Vector512.Create(One | 1u << 31);
            long step = BitPlanes.ChannelBytes((long)images * pixels);
            for (int c = start; c < end; c++)
            {
                ulong* from = (ulong*)(x + c * step);
                for (int n = 0; n < images; n++)
                {
                    uint* to = (uint*)y + ((long)n * channels + c) * pixels;
                    long at = (long)n * pixels;
                    for (int p = 0, count; p < pixels; p += count, at += count)
                    {
                        count = (int)Math.Min(64 - at % 64, pixels - p);
                        ulong bits = from[at / 64] >> (int)(at % 64);
                        int i = 0;
                        if (Vector128.IsHardwareAccelerated)
                            for (; i <= count - Vector512<uint>.Count; i += Vector512<uint>.Count)
                                Vector512.ConditionalSelect(Vector512.Equals(Vector512.Create((uint)(bits >> i)) & places, Vector512<uint>.Zero), one, minus).Store(to + p + i);
                        for (; i < count; i++) to[p + i] = One | (uint)(bits >> i & 1) << 31;
                    }
                }
            }
        }
    }
}
