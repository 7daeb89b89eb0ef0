using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Signs of f32 tensors as bits, channels packed innermost: [N, C, S] as [N, S, ⌈C / 64⌉] words, bit 1 for −1, bits past the last channel zero; with S = 1 rows of a matrix.
/// Words are little-endian.
/// </summary>
public static unsafe class ChannelBits
{
    private const int WordBits = 64, Block = 16, BlocksPerWord = WordBits / Block, PixelsAtOnce = 256;

    /// <summary>Words of <paramref name="channels"/> bits.</summary>
    public static int Words(int channels) => (int)Checked.CeilDiv(channels, WordBits);

    /// <summary>Bits of [outer, channels, inner] floats: set where x is below the threshold, or above it.</summary>
    public static void FromPlanes(Workers workers, float* x, int outer, int channels, int inner, float threshold, bool above, ulong* y)
    {
        if (inner == 1) workers.For(outer, Math.Max(1, 65536 / Math.Max(1, channels)), new RowBody(x, channels, threshold, above, y));
        else workers.For(Checked.Int(Checked.Mul(outer, Checked.CeilDiv(inner, WordBits))), Math.Max(1, 1024 / Math.Max(1, channels)), new PlaneBody(x, channels, inner, threshold, above, y));
    }

    /// <summary>The same of floats blocked by 16 channels, [images, ⌈channels / 16⌉, pixels, 16]; what surplus lanes hold does not count.</summary>
    public static void FromBlocked(Workers workers, float* x, int images, int channels, int pixels, float threshold, bool above, ulong* y) =>
        workers.For(Checked.Int(Checked.Mul(images, Words(channels) * BlocksPerWord)), Math.Max(1, 4096 / Math.Max(1, pixels)), new BlockBody(x, channels, pixels, threshold, above, y));

    /// <summary>−1 and +1 as [outer, channels, inner] floats.</summary>
    public static void ToPlanes(Workers workers, ulong* x, int outer, int channels, int inner, float* y) =>
        workers.For(Checked.Int(Checked.Mul(outer, Checked.CeilDiv(inner, WordBits))), Math.Max(1, 512 / Math.Max(1, channels)), new FloatBody(x, channels, inner, y));

    /// <summary>
    /// For each window the AND of its words, in channels whose bit of <paramref name="least"/> is set the OR: the largest of −1 and +1, or the smallest. Windows without an element give all, or no bits of
    /// <paramref name="used"/>, the channels there are. <paramref name="x"/> is [images, inputs, words].
    /// </summary>
    public static void MaxPool(Workers workers, ulong* x, int images, in Window3 window, int words, ulong[] used, ulong[] least, ulong* y) =>
        workers.For(window.RowsOf(images), Math.Max(1, 16384 / Math.Max(1, window.W.Output * words * window.Taps)), new PoolBody(x, window, words, used, least, y));

    /// <summary>Bit j of word i becomes bit i of word j.</summary>
    private static void Transpose(ulong* m)
    {
        ulong mask = 0xffffffff;
        for (int j = WordBits / 2; j > 0; j /= 2, mask ^= mask << j)
            for (int k = 0; k < WordBits; k = (k + j + 1) & ~j)
            {
                ulong t = (m[k] >> j ^ m[k + j]) & mask;
                m[k] ^= t << j;
                m[k + j] ^= t;
            }
    }

    private readonly struct RowBody(float* x, int channels, float threshold, bool above, ulong* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var bits = SignBits.Table.Best;
            for (int r = start; r < end; r++) bits(x + (nint)r * channels, channels, threshold, above, y + (nint)r * Words(channels));
        }
    }

    private readonly struct PlaneBody(float* x, int channels, int inner, float threshold, bool above, ulong* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var bits = SignBits.Table.Best;
            var m = stackalloc ulong[WordBits];
            int words = Words(channels), groups = (int)Checked.CeilDiv(inner, WordBits);
            for (int unit = start; unit < end; unit++)
            {
                var (image, group) = Math.DivRem(unit, groups);
                int first = group * WordBits, count = Math.Min(WordBits, inner - first);
                ulong* to = y + ((nint)image * inner + first) * words;
                for (int w = 0; w < words; w++, to++)
                {
                    int used = Math.Min(WordBits, channels - w * WordBits);
                    for (int c = 0; c < used; c++) bits(x + ((nint)image * channels + w * WordBits + c) * inner + first, count, threshold, above, m + c);
                    new Span<ulong>(m + used, WordBits - used).Clear();
                    Transpose(m);
                    for (int p = 0; p < count; p++) to[(nint)p * words] = m[p];
                }
            }
        }
    }

    private readonly struct BlockBody(float* x, int channels, int pixels, float threshold, bool above, ulong* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var bits = SignBits.Table.Best;
            var masks = stackalloc ulong[PixelsAtOnce * Block / WordBits];
            int quarters = Words(channels) * BlocksPerWord, blocks = (int)Checked.CeilDiv(channels, Block);
            for (int unit = start; unit < end; unit++)
            {
                var (image, block) = Math.DivRem(unit, quarters);
                ushort* to = (ushort*)y + (nint)image * pixels * quarters + block;
                int used = Math.Clamp(channels - block * Block, 0, Block);
                uint lanes = (1u << used) - 1;
                float* from = x + ((nint)image * blocks + block) * pixels * Block;
                for (int p = 0; p < pixels; p += PixelsAtOnce)
                {
                    int count = Math.Min(PixelsAtOnce, pixels - p);
                    if (used > 0) bits(from + (nint)p * Block, count * Block, threshold, above, masks);
                    for (int i = 0; i < count; i++, to += quarters) *to = (ushort)(used > 0 ? ((ushort*)masks)[i] & lanes : 0);
                }
            }
        }
    }

    private readonly struct FloatBody(ulong* x, int channels, int inner, float* y) : IParallelBody
    {
        private const uint One = 0x3f800000;

        public void Run(int start, int end)
        {
            var m = stackalloc ulong[WordBits];
            int words = Words(channels), groups = (int)Checked.CeilDiv(inner, WordBits);
            for (int unit = start; unit < end; unit++)
            {
                var (image, group) = Math.DivRem(unit, groups);
                int first = group * WordBits, count = Math.Min(WordBits, inner - first);
                ulong* from = x + ((nint)image * inner + first) * words;
                for (int c = 0; c < channels; c++)
                {
                    if (c % WordBits == 0)
                    {
                        for (int p = 0; p < WordBits; p++) m[p] = p < count ? from[(nint)p * words + c / WordBits] : 0;
                        Transpose(m);
                    }
                    uint* to = (uint*)y + ((nint)image * channels + c) * inner + first;
                    ulong bits = m[c % WordBits];
                    for (int p = 0; p < count; p++) to[p] = One | (uint)(bits >> p & 1) << 31;
                }
            }
        }
    }

    private readonly struct PoolBody(ulong* x, Window3 window, int words, ulong[] used, ulong[] least, ulong* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (window.D, window.H, window.W);
            for (int line = start; line < end; line++)
            {
                window.Locate(line, out int image, out int od, out int oh);
                d.Taps(od, out int d0, out int d1);
                h.Taps(oh, out int h0, out int h1);
                ulong* to = y + (nint)line * v.Output * words, from = x + (nint)image * window.Inputs * words;
                for (int ow = 0; ow < v.Output; ow++)
                {
                    v.Taps(ow, out int w0, out int w1);
                    for (int i = 0; i < words; i++)
                    {
                        ulong all = used[i], any = 0;
                        for (int kd = d0; kd < d1; kd++)
                            for (int kh = h0; kh < h1; kh++)
                            {
                                ulong* row = from + (((nint)(d.Start(od) + kd * d.Dilation) * h.Input + h.Start(oh) + kh * h.Dilation) * v.Input + v.Start(ow)) * words + i;
                                for (int kw = w0; kw < w1; kw++)
                                {
                                    ulong word = row[(nint)kw * v.Dilation * words];
                                    all &= word;
                                    any |= word;
                                }
                            }
                        *to++ = all & ~least[i] | any & least[i];
                    }
                }
            }
        }
    }
}
