using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Copies of f32 tensors blocked by 16 channels: joined along channels, or written channels last.</summary>
public static unsafe class BlockedMove
{
    private const int Block = ConvBlocked.Block;

    /// <summary>One input of <see cref="Concat"/>: blocked [batch, ⌈Channels / 16⌉, spatial, 16].</summary>
    public readonly record struct Part(nint Data, int Channels);

    /// <summary>Joins inputs along channels, whatever their numbers of channels; padding lanes of the result are undefined.</summary>
    public static void Concat(Workers workers, int batch, int spatial, Part* parts, int count, float* y)
    {
        int channels = 0;
        for (int i = 0; i < count; i++) channels += parts[i].Channels;
        workers.For(Tensors.Checked.Int((long)batch * Blocks(channels)), Math.Max(1, 2048 / Math.Max(1, spatial)), new ConcatBody(spatial, parts, count, Blocks(channels), y));
    }

    /// <summary>x blocked [batch, ⌈channels / 16⌉, spatial, 16] → y plain [batch, spatial, channels].</summary>
    public static void ToChannelsLast(Workers workers, int batch, int channels, int spatial, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)batch * spatial), Math.Max(1, 16384 / Math.Max(1, channels)), new LastBody(channels, spatial, x, y));

    private static int Blocks(int channels) => (channels + Block - 1) / Block;

    private readonly struct ConcatBody(int spatial, Part* parts, int count, int blocks, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int unit = start; unit < end; unit++)
            {
                var (n, block) = Math.DivRem(unit, blocks);
                float* to = y + (nint)unit * spatial * Block;
                int first = block * Block, offset = 0;
                for (int i = 0; i < count; offset += parts[i].Channels, i++)
                {
                    // Channels [from, stop) of the result come from this input, out of two of its blocks at most.
                    int from = Math.Max(first, offset), stop = Math.Min(first + Block, offset + parts[i].Channels);
                    while (from < stop)
                    {
                        var (source, lane) = Math.DivRem(from - offset, Block);
                        int lanes = Math.Min(stop - from, Block - lane);
                        float* at = (float*)parts[i].Data + ((nint)n * Blocks(parts[i].Channels) + source) * spatial * Block + lane;
                        Copy(at, to + (from - first), lanes);
                        from += lanes;
                    }
                }
            }
        }

        private void Copy(float* from, float* to, int lanes)
        {
            if (lanes == Block)
            {
                long bytes = (long)spatial * Block * sizeof(float);
                Buffer.MemoryCopy(from, to, bytes, bytes);
            }
            else if (lanes == 8)
                for (int p = 0; p < spatial; p++, from += Block, to += Block) Unsafe.CopyBlockUnaligned(to, from, 32);
            else
                for (int p = 0; p < spatial; p++, from += Block, to += Block)
                    for (int l = 0; l < lanes; l++) to[l] = from[l];
        }
    }

    private readonly struct LastBody(int channels, int spatial, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int blocks = Blocks(channels), rest = channels % Block;
            for (int i = start; i < end; i++)
            {
                var (n, p) = Math.DivRem(i, spatial);
                float* from = x + ((nint)n * blocks * spatial + p) * Block, to = y + (nint)i * channels;
                for (int b = 0; b < channels / Block; b++, from += (nint)spatial * Block, to += Block) Unsafe.CopyBlockUnaligned(to, from, Block * sizeof(float));
                for (int l = 0; l < rest; l++) to[l] = from[l];
            }
        }
    }
}
