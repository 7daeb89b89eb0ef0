using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution of channels-last u8 codes x [N, D, H, W, C], C padded to a multiple of 4, with weights of any zero points and windows of any form, exact in 32 bits: the inputs
/// of some output pixels at a time are gathered as rows of a product (<see cref="GemmU8S8"/>). For what <see cref="ConvU8S8"/> leaves: operands that no plan knows.
/// </summary>
public sealed unsafe class ConvRowsU8S8
{
    // Rows gathered at a time stay in the second-level cache.
    private const long CachedBytes = 256 * 1024;

    private readonly ConvShape _s;
    private readonly Window3 _w;
    private readonly int _padded, _depth, _rows;
    private readonly long _pixels;

    /// <summary>Fixes the geometry.</summary>
    public ConvRowsU8S8(in ConvShape s)
    {
        (_s, _w) = (s, s.Window);
        _padded = ChannelsLast.Padded(s.Channels);
        // Whole quads, so that the product reads rows where they lie.
        _depth = Checked.Int(Checked.AlignUp(Checked.Mul(s.GroupChannels, _w.Taps), 4));
        _pixels = Checked.Mul(s.Batch, _w.Outputs);
        _rows = (int)Math.Min(_pixels, Math.Max(64, CachedBytes / Math.Max(1, _depth)));
    }

    /// <summary>Bytes of packed weights.</summary>
    public long PackedLength => Checked.Mul(_s.Group, GroupBytes);

    /// <summary>Bytes that <see cref="Pack"/> works in.</summary>
    public long PackBytes => Checked.Mul(_s.GroupOutChannels, _depth);

    /// <summary>Bytes of workspace of <see cref="Run"/>: the rows.</summary>
    public long WorkBytes => Checked.Mul(_rows, _depth);

    private long GroupBytes => GemmU8S8.PackedLength(_depth, _s.GroupOutChannels);

    /// <summary>Packs the weights [M, C / group, kD, kH, kW], codes of either signedness; <paramref name="zeros"/> holds no, one or M zero points.</summary>
    public void Pack(ReadOnlySpan<byte> weights, bool signed, ReadOnlySpan<int> zeros, Span<byte> work, Span<byte> packed)
    {
        int taps = _w.Taps, channels = _s.GroupChannels, outputs = _s.GroupOutChannels, length = Checked.Int(GroupBytes);
        for (int g = 0; g < _s.Group; g++)
        {
            // Channels behind taps, as they are gathered. What fills the last quad meets inputs of zero.
            work.Clear();
            for (int m = 0; m < outputs; m++)
                for (int c = 0; c < channels; c++)
                    for (int t = 0; t < taps; t++) work[m * _depth + t * channels + c] = weights[((g * outputs + m) * channels + c) * taps + t];
            GemmU8S8.PackB(work, signed, zeros.Length > 1 ? zeros.Slice(g * outputs, outputs) : zeros, _depth, outputs, 1, _depth, packed.Slice(g * length, length));
        }
    }

    /// <summary>Runs the convolution; <paramref name="zero"/> is the zero point of x and the code that padding holds.</summary>
    public void Run(Workers workers, byte* x, byte zero, byte* packed, byte* work, in PlaneTileStore store)
    {
        for (long first = 0; first < _pixels; first += _rows)
        {
            int rows = (int)Math.Min(_rows, _pixels - first);
            for (int g = 0; g < _s.Group; g++)
            {
                workers.For(rows, Math.Max(1, 32768 / Math.Max(1, _depth)), new GatherBody(this, x, zero, first, g, work));
                GemmU8S8.Run(workers, rows, _s.GroupOutChannels, _depth, new GemmU8S8.Rows(work, false, zero, _depth, 1), packed + g * GroupBytes, store.From(first, g * _s.GroupOutChannels));
            }
        }
    }

    private readonly struct GatherBody(ConvRowsU8S8 conv, byte* x, byte zero, long first, int group, byte* work) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var (d, h, w) = (conv._w.D, conv._w.H, conv._w.W);
            int channels = conv._s.GroupChannels, used = channels * conv._w.Taps;
            for (int r = start; r < end; r++)
            {
                var (n, p) = Math.DivRem(first + r, conv._w.Outputs);
                int ox = (int)(p % w.Output), oy = (int)(p / w.Output % h.Output), oz = (int)(p / w.Output / h.Output);
                byte* to = work + (nint)r * conv._depth;
                new Span<byte>(to + used, conv._depth - used).Fill(zero);
                for (int kd = 0; kd < d.Kernel; kd++)
                    for (int kh = 0; kh < h.Kernel; kh++)
                    {
                        long id = d.Start(oz) + (long)kd * d.Dilation, ih = h.Start(oy) + (long)kh * h.Dilation;
                        bool inside = (ulong)id < (ulong)d.Input && (ulong)ih < (ulong)h.Input;
                        byte* row = x + (((nint)n * d.Input + (nint)id) * h.Input + (nint)ih) * w.Input * conv._padded + group * channels;
                        for (int kw = 0; kw < w.Kernel; kw++, to += channels)
                        {
                            long iw = w.Start(ox) + (long)kw * w.Dilation;
                            if (inside && (ulong)iw < (ulong)w.Input) new ReadOnlySpan<byte>(row + (nint)iw * conv._padded, channels).CopyTo(new(to, channels));
                            else new Span<byte>(to, channels).Fill(zero);
                        }
                    }
            }
        }
    }
}
