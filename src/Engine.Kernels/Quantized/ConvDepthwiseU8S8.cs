using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution of every channel with its own s8 window over channels-last u8 codes, exact in 32 bits; the window has one tap along D. Rows of the
/// window in the padding are a row of the zero point's code, and pixels whose window reaches out at the sides read a small copy with that code around it; so do all pixels of
/// fewer channels than a tile has.
/// </summary>
public sealed unsafe partial class ConvDepthwiseU8S8
{
    /// <summary>Channels that a tile computes.</summary>
    public const int Block = 32;

    // Output pixels of a tile.
    private const int Pixels = 112, MostTaps = 256;

    private readonly ConvShape _s;
    private readonly WindowDim _h, _w;
    private readonly int _images, _padded, _slot, _blocks, _pairs, _left, _right, _edgeBytes, _rowBytes;

    /// <summary>Fixes the geometry; the shape must be one that <see cref="Supports"/> allows.</summary>
    public ConvDepthwiseU8S8(in ConvShape s)
    {
        (_s, _h, _w, _images) = (s, s.Window.H, s.Window.W, Checked.Int((long)s.Batch * s.Window.D.Output));
        _padded = ChannelsLast.Padded(s.Channels);
        _slot = Math.Max(_padded, Block);
        _blocks = (s.Channels + Block - 1) / Block;
        _pairs = (s.Window.Taps + 1) / 2;
        // Pixels before _left and from _right on look beyond the row.
        _left = s.Channels < Block ? _w.Output : Math.Min(_w.Output, (_w.Pad + _w.Stride - 1) / _w.Stride);
        long last = (long)_w.Input - 1 - (long)(_w.Kernel - 1) * _w.Dilation + _w.Pad;
        _right = (int)Math.Clamp(last < 0 ? 0 : last / _w.Stride + 1, _left, _w.Output);
        int edgePixels = Checked.Int((long)Math.Max(0, Math.Max(_left, _w.Output - _right) - 1) * _w.Stride + (long)(_w.Kernel - 1) * _w.Dilation + 1);
        _edgeBytes = Checked.Int(Checked.Mul(edgePixels, _slot));
        _rowBytes = Checked.Int(Checked.Mul(_w.Input, _padded));
    }

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) => ConvU8S8.Supports(s) && s.GroupChannels == 1 && s.Channels == s.OutChannels && s.Window.Taps <= MostTaps;

    /// <summary>Shorts of packed weights.</summary>
    public long PackedLength => Checked.Mul(_blocks, 2L * Block * _pairs);

    /// <summary>Bytes of workspace: a row of zero codes.</summary>
    public long WorkBytes => _rowBytes;

    // The last block ends with the last channel, so that it may share channels with the one before it.
    private int FirstChannel(int block) => Math.Max(0, Math.Min(block * Block, _s.Channels - Block));

    private int BlockChannels => Math.Min(Block, _s.Channels);

    /// <summary>Packs the weights [C, 1, 1, kH, kW], given as codes of either signedness, less their zero points (one, or one a channel); any value of 16 bits is exact.</summary>
    public void Pack(ReadOnlySpan<byte> weights, bool signed, ReadOnlySpan<int> zeros, Span<short> packed)
    {
        int taps = _s.Window.Taps;
        packed.Clear();
        for (int b = 0; b < _blocks; b++)
            for (int j = 0; j < BlockChannels; j++)
            {
                int c = FirstChannel(b) + j;
                for (int t = 0; t < taps; t++)
                {
                    byte code = weights[c * taps + t];
                    packed[(b * _pairs + t / 2) * 2 * Block + 2 * Lane(j) + t % 2] = (short)((signed ? (sbyte)code : code) - zeros[zeros.Length == 1 ? 0 : c]);
                }
            }
    }

    /// <summary>Length of <see cref="Starts"/>.</summary>
    public int StartsLength => Math.Max(Block, _s.Channels);

    /// <summary>First values of the sums: bias − zero · Σ weights, a channel; an empty bias is none.</summary>
    public void Starts(ReadOnlySpan<short> packed, int zero, ReadOnlySpan<int> bias, Span<int> starts)
    {
        starts.Clear();
        for (int b = 0; b < _blocks; b++)
            for (int j = 0; j < BlockChannels; j++)
            {
                int c = FirstChannel(b) + j, sum = 0;
                for (int p = 0; p < _pairs; p++) sum += packed[(b * _pairs + p) * 2 * Block + 2 * Lane(j)] + packed[(b * _pairs + p) * 2 * Block + 2 * Lane(j) + 1];
                starts[c] = unchecked((bias.IsEmpty ? 0 : bias[c]) - zero * sum);
            }
    }

    /// <summary>Runs the convolution; <paramref name="starts"/> are the sums' first values, <paramref name="zero"/> is the code of padding.</summary>
    public void Run<TStore>(TileFn tile, Workers workers, byte* x, byte zero, short* packed, int* starts, byte* work, in TStore store) where TStore : struct, ISumStore
    {
        new Span<byte>(work, _rowBytes).Fill(zero);
        double lineWork = (double)_w.Output * _s.Channels * _s.Window.Taps;
        workers.For(Checked.Int(Checked.Mul(_images, _h.Output)), (int)Math.Clamp(200_000 / Math.Max(1, lineWork), 1, 1 << 20), new Body<TStore>(this, tile, x, zero, packed, starts, work, store));
    }

    private readonly struct Body<TStore>(ConvDepthwiseU8S8 conv, TileFn tile, byte* x, byte zero, short* packed, int* starts, byte* zeroRow, TStore store) : IParallelBody where TStore : struct, ISumStore
    {
        public void Run(int start, int end)
        {
            int edgeBytes = conv._edgeBytes;
            byte* scratch = Scratch.Get(sizeof(int) * Pixels * Block + (long)edgeBytes * conv._h.Kernel);
            int* sums = (int*)scratch;
            byte* edge = scratch + sizeof(int) * Pixels * Block;
            byte** rows = stackalloc byte*[conv._h.Kernel];
            byte** edges = stackalloc byte*[conv._h.Kernel];
            nint* offsets = stackalloc nint[2 * conv._pairs];
            for (int i = 0; i < conv._h.Kernel; i++) edges[i] = edge + (nint)i * edgeBytes;
            for (int line = start; line < end; line++)
            {
                var (image, oy) = Math.DivRem(line, conv._h.Output);
                for (int i = 0; i < conv._h.Kernel; i++)
                {
                    long y = conv._h.Start(oy) + (long)i * conv._h.Dilation;
                    rows[i] = (ulong)y < (ulong)conv._h.Input ? x + ((nint)image * conv._h.Input + (nint)y) * conv._w.Input * conv._padded : zeroRow;
                }
                Edge(line, 0, conv._left, rows, edges, offsets, sums);
                Pieces(line, conv._left, conv._right, (nint)conv._w.Start(conv._left) * conv._padded, rows, conv._padded, offsets, sums);
                Edge(line, conv._right, conv._w.Output, rows, edges, offsets, sums);
            }
        }

        private void Edge(int line, int first, int end, byte** rows, byte** edges, nint* offsets, int* sums)
        {
            if (first == end) return;
            int c = conv._padded, slot = conv._slot, begin = conv._w.Start(first), pixels = (end - first - 1) * conv._w.Stride + (conv._w.Kernel - 1) * conv._w.Dilation + 1;
            int left = Math.Clamp(-begin, 0, pixels), right = Math.Clamp(conv._w.Input - begin, left, pixels);
            for (int i = 0; i < conv._h.Kernel; i++)
            {
                byte* from = rows[i] + (nint)(begin + left) * c, to = edges[i];
                new Span<byte>(to, left * slot).Fill(zero);
                if (slot == c) new ReadOnlySpan<byte>(from, (right - left) * c).CopyTo(new Span<byte>(to + left * c, (right - left) * c));
                else
                    for (int p = left; p < right; p++, from += c) new ReadOnlySpan<byte>(from, c).CopyTo(new Span<byte>(to + p * slot, c));
                new Span<byte>(to + right * slot, (pixels - right) * slot).Fill(zero);
            }
            Pieces(line, first, end, 0, edges, slot, offsets, sums);
        }

        private void Pieces(int line, int first, int end, nint at, byte** rows, int pitch, nint* offsets, int* sums)
        {
            int taps = conv._h.Kernel * conv._w.Kernel;
            for (int t = 0; t < taps; t++) offsets[t] = (nint)(rows[t / conv._w.Kernel] - rows[0]) + (nint)(t % conv._w.Kernel) * conv._w.Dilation * pitch;
            if (taps % 2 != 0) offsets[taps] = offsets[0];
            nint step = (nint)conv._w.Stride * pitch;
            for (; first < end; first += Pixels, at += Pixels * step)
            {
                int count = Math.Min(Pixels, end - first);
                for (int b = 0; b < conv._blocks; b++)
                {
                    int channel = conv.FirstChannel(b);
                    tile(rows[0] + at + channel, step, offsets, conv._pairs, packed + (nint)b * conv._pairs * 2 * Block, starts + channel, sums, count);
                    store.Store(sums, Block, (long)line * conv._w.Output + first, count, channel, conv.BlockChannels);
                }
            }
        }
    }
}
