namespace Engine.Kernels;

public static unsafe partial class ConvBlocked
{
    // Floats of weights that are worth a thread.
    private const int PackGrain = 16384;

    /// <summary>Packs weights [M, C, kh, kw].</summary>
    public static void Pack(Workers workers, in ConvShape s, bool plainInput, ReadOnlySpan<float> w, Span<float> packed)
    {
        int lanes = plainInput ? 1 : Block, blocks = plainInput ? s.Channels : Blocks(s.Channels);
        fixed (float* from = w, to = packed) workers.For(Tensors.Checked.Int((long)Pairs(s) * blocks), Math.Max(1, PackGrain / (s.Window.Taps * lanes * Pair)), new PackBody(s, lanes, blocks, from, to));
    }

    private readonly struct PackBody(ConvShape s, int lanes, int blocks, float* from, float* to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int taps = s.Window.Taps;
            for (int i = start; i < end; i++)
            {
                var (pair, b) = (i / blocks, i % blocks);
                int rows = Math.Min(Pair, s.OutChannels - pair * Pair), channels = Math.Min(lanes, s.Channels - b * lanes);
                PackBlock(from + ((nint)pair * Pair * s.Channels + (nint)b * lanes) * taps, (nint)s.Channels * taps, taps, rows, channels, lanes, to + (nint)i * taps * lanes * Pair);
            }
        }
    }

    // [32 output channels][input channels of a block][taps] to [taps][input channels][32 output channels].
    private static void PackBlock(float* from, nint rowStep, int taps, int rows, int channels, int lanes, float* to)
    {
        if (taps == 1 && rows == Pair && channels == Block && TileTranspose.HasEight)
        {
            for (int row = 0; row < Pair; row += 8)
                for (int c = 0; c < Block; c += 8) TileTranspose.Eight(from + row * rowStep + c, rowStep, to + c * Pair + row, Pair);
            return;
        }
        if (rows < Pair || channels < lanes) new Span<float>(to, taps * lanes * Pair).Clear();
        for (int row = 0; row < rows; row++, from += rowStep, to++)
        {
            float* x = from;
            for (int c = 0; c < channels; c++)
                for (int t = 0; t < taps; t++) to[(nint)(t * lanes + c) * Pair] = *x++;
        }
    }
}
