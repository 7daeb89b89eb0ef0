using Engine.Tensors;

namespace Engine.Kernels;

public sealed unsafe partial class ConvU8S8
{
    /// <summary>Bytes of packed weights.</summary>
    public long PackedLength => Checked.Mul(_s.Group, GroupBytes);

    private long GroupBytes => Checked.Mul(_groupColumns, Depth);

    // Bytes of a column: whole quads of every run.
    private long Depth => Checked.Mul(_h.Kernel, Checked.Mul(_wide ? 1 : _w.Kernel, _form is { } f ? f.Depth(_quads) : 4L * _quads));

    private nint PanelOffset(int group, int panel) => checked((nint)(group * GroupBytes + panel * Columns * Depth));

    /// <summary>
    /// Packs the weights [M, C / group, 1, kH, kW], given as codes of either signedness, less their zero points (one, or one an output channel), which must leave s8 values;
    /// true where they do, and where groups keep no more than the form allows.
    /// </summary>
    public bool Pack(ReadOnlySpan<byte> weights, bool signed, ReadOnlySpan<int> zeros, Span<sbyte> packed)
    {
        packed.Clear();
        if (_form is { } form) return Pack(form, weights, signed, zeros, packed);
        int taps = _h.Kernel * _w.Kernel, channels = _s.GroupChannels;
        for (int m = 0; m < _s.OutChannels; m++)
        {
            var (group, column) = Math.DivRem(m, _s.GroupOutChannels);
            var (panel, lane) = Math.DivRem(column, Columns);
            int columns = Math.Min(Columns, _groupColumns - panel * Columns), zero = zeros[zeros.Length == 1 ? 0 : m];
            var to = packed[checked((int)PanelOffset(group, panel))..];
            var from = weights.Slice(Checked.Int((long)m * channels * taps), channels * taps);
            for (int t = 0; t < taps; t++)
            {
                // Where the tap's channels begin in the column.
                int at = _wide ? t / _w.Kernel * 4 * _quads + t % _w.Kernel * _padded : t * 4 * _quads;
                for (int c = 0; c < channels; c++, at++)
                {
                    byte code = from[c * taps + t];
                    int v = (signed ? (sbyte)code : code) - zero;
                    if (v is < sbyte.MinValue or > sbyte.MaxValue) return false;
                    to[(at >> 2) * 4 * columns + 4 * lane + (at & 3)] = (sbyte)v;
                }
            }
        }
        return true;
    }

    private bool Pack(NmForm form, ReadOnlySpan<byte> weights, bool signed, ReadOnlySpan<int> zeros, Span<sbyte> packed)
    {
        int taps = _h.Kernel * _w.Kernel, channels = _s.Channels;
        var run = new sbyte[_w.Kernel * _padded];
        fixed (sbyte* start = packed)
            for (int m = 0; m < _s.OutChannels; m++)
            {
                var (panel, lane) = Math.DivRem(m, Columns);
                int columns = Math.Min(Columns, _groupColumns - panel * Columns), zero = zeros[zeros.Length == 1 ? 0 : m];
                var from = weights.Slice(Checked.Int((long)m * channels * taps), channels * taps);
                for (int h = 0; h < _h.Kernel; h++)
                {
                    Array.Clear(run);
                    for (int w = 0; w < _w.Kernel; w++)
                        for (int c = 0; c < channels; c++)
                        {
                            byte code = from[c * taps + h * _w.Kernel + w];
                            int v = (signed ? (sbyte)code : code) - zero;
                            if (v is < sbyte.MinValue or > sbyte.MaxValue) return false;
                            run[w * _padded + c] = (sbyte)v;
                        }
                    if (!form.Pack(run, (byte*)start + PanelOffset(0, panel) + checked((nint)(h * form.Depth(_quads) * columns)) + 4 * lane, 4 * columns)) return false;
                }
            }
        return true;
    }

    /// <summary>First values of the sums: bias − zero · Σ weights, in <see cref="PaddedColumns"/>; an empty bias is none.</summary>
    public void Starts(ReadOnlySpan<sbyte> packed, int zero, ReadOnlySpan<int> bias, Span<int> starts)
    {
        starts.Clear();
        for (int m = 0; m < _s.OutChannels; m++)
        {
            var (group, column) = Math.DivRem(m, _s.GroupOutChannels);
            var (panel, lane) = Math.DivRem(column, Columns);
            int columns = Math.Min(Columns, _groupColumns - panel * Columns), sum = 0;
            var from = packed.Slice(checked((int)PanelOffset(group, panel)), checked((int)(columns * Depth)));
            for (int q = 0, at = 4 * lane; at < from.Length; q++, at += 4 * columns)
                if (_form is not { } form || !form.IsPositions(q % (int)(form.Depth(_quads) / 4))) sum += from[at] + from[at + 1] + from[at + 2] + from[at + 3];
            starts[group * _groupColumns + column] = unchecked((bias.IsEmpty ? 0 : bias[m]) - zero * sum);
        }
    }
}
