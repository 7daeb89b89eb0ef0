using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution of signs, channels last in words of 64 [N, H, W, ⌈C / 64⌉] with bit 1 for −1 and zero bits behind the last channel, with weights of signs; sums are exact. Padding adds
/// nothing: its bits would count as +1, so that an output whose window reaches out starts from other bases, kept for each way in which windows reach out. The window has one tap along D.
/// </summary>
public sealed unsafe partial class ConvBinary
{
    // Output pixels of a tile, whose sums stay in the first-level cache, and panels of it.
    private const int Pixels = 24, TilePanels = 4;

    private const int Columns = GemmBinary.PanelColumns;

    private readonly ConvShape _s;
    private readonly GemmBinary.TileFn _tile;
    private readonly BinaryLayout _layout;
    private readonly WindowDim _h, _w;
    private readonly Reach _reachH, _reachW;
    private readonly nint[] _segments;
    private readonly int _images, _outputs, _groupWords, _pixelWords, _segmentWords, _panelsOfGroup, _height, _width;
    private readonly bool _copies;

    /// <summary>
    /// Fixes the geometry, which must be one that <see cref="Supports"/> allows. Weights are packed for a <paramref name="tier"/> of <see cref="GemmBinary.Table"/>, the selected one where null.
    /// </summary>
    public ConvBinary(in ConvShape s, string? tier = null)
    {
        tier ??= GemmBinary.Selected;
        (_s, _h, _w, _tile, _layout) = (s, s.Window.H, s.Window.W, GemmBinary.Table[tier], GemmBinary.LayoutOf(tier));
        _images = Checked.Int((long)s.Batch * s.Window.D.Output);
        _outputs = Checked.Int(Checked.Mul(_images, Checked.Mul(_h.Output, _w.Output)));
        (_reachH, _reachW) = (new(_h), new(_w));
        _groupWords = (s.GroupChannels + 63) / 64;
        _pixelWords = Checked.Int(Checked.Mul(s.Group, _groupWords));
        _panelsOfGroup = (s.GroupOutChannels + Columns - 1) / Columns;
        bool inside = _reachH.IsInside && _reachW.IsInside;
        _copies = !inside || _layout.UnitBytes != sizeof(ulong) || s.Group > 1 && s.GroupChannels % 64 != 0;
        (_height, _width) = _copies ? (_reachH.Length, _reachW.Length) : (_h.Input, _w.Input);
        // Taps of a row side by side are one run of words.
        bool wide = s.Group == 1 && (_w.Kernel == 1 || _w.Dilation == 1);
        int runs = wide ? 1 : _w.Kernel;
        _segmentWords = Checked.Int(Checked.Mul(wide ? _w.Kernel : 1, _groupWords));
        _segments = new nint[Checked.Int(Checked.Mul(_h.Kernel, runs))];
        for (int i = 0; i < _segments.Length; i++) _segments[i] = Checked.Int(Checked.Mul(Checked.Mul((long)(i / runs) * _h.Dilation, _width) + (long)(i % runs) * _w.Dilation, PixelBytes));
    }

    /// <summary>A product of matrices: <paramref name="m"/> rows of ⌈k / 64⌉ words by weights of n rows.</summary>
    public static ConvBinary Product(int m, int n, int k, string? tier = null) => new(new(1, k, n, 1, new(WindowDim.One, WindowDim.One, new(m, m, 1, 1, 1, 0, 0))), tier);

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) =>
        s.Window.D is { Kernel: 1, Stride: 1, Pad: 0, PadEnd: 0 } && s.Window.H.Pad >= 0 && s.Window.W.Pad >= 0 && s.Channels > 0 && s.OutChannels > 0 && s.Batch > 0 && s.Window.Outputs > 0 && s.Window.Inputs > 0
        && (long)s.GroupChannels * s.Window.Taps <= int.MaxValue / 2;

    /// <summary>Words of a pixel of some channels.</summary>
    public static int WordsOf(int channels) => (int)Checked.CeilDiv(channels, 64);

    /// <summary>Bytes of workspace, aligned to 64: the copy of the input.</summary>
    public long WorkBytes => _copies ? Checked.Mul(Checked.Mul(_images, Checked.Mul(_height, _width)), PixelBytes) : 0;

    private int PixelBytes => Checked.Int(Checked.Mul(_pixelWords, _layout.UnitBytes));

    /// <summary>Runs the convolution: <paramref name="x"/> are the words, <paramref name="packed"/> what <see cref="Pack"/> made. The sums, true ones, go to <paramref name="store"/>.</summary>
    public void Run<TStore>(Workers workers, ulong* x, byte* packed, byte* work, in TStore store) where TStore : struct, ISumStore
    {
        byte* from = (byte*)x;
        if (_copies)
        {
            workers.For(Checked.Int(Checked.Mul(_images, _height)), Math.Max(1, 16384 / Math.Max(1, _width * _pixelWords)), new CopyBody(this, x, work));
            from = work;
        }
        int blocks = (_outputs + Pixels - 1) / Pixels, panels = _s.Group * _panelsOfGroup;
        // Panels that share words of the result stay together.
        int perUnit = _s.Group > 1 && _s.GroupOutChannels % Columns != 0 ? panels : (int)Math.Clamp((long)panels * blocks / 32, Math.Min(TilePanels, panels), panels);
        int splits = (panels + perUnit - 1) / perUnit;
        double operations = (double)Math.Min(_outputs, Pixels) * perUnit * Columns * _s.GroupChannels * _s.Window.Taps;
        workers.For(Checked.Int(Checked.Mul(blocks, splits)), (int)Math.Clamp(50_000_000 / Math.Max(1, operations), 1, 1 << 20), new Body<TStore>(this, from, packed, store, splits, perUnit));
    }

    private readonly struct Body<TStore>(ConvBinary conv, byte* x, byte* packed, TStore store, int splits, int perUnit) : IParallelBody where TStore : struct, ISumStore
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int panels = conv._s.Group * conv._panelsOfGroup;
            int* sums = (int*)Scratch.Get(sizeof(int) * Pixels * TilePanels * Columns);
            var rows = stackalloc GemmBinary.Row[Pixels];
            fixed (nint* segments = conv._segments)
            {
                for (int unit = start; unit < end; unit++)
                {
                    int first = unit / splits * Pixels, count = Math.Min(Pixels, conv._outputs - first), panel = unit % splits * perUnit, last = Math.Min(panels, panel + perUnit);
                    conv.Locate(x, (int*)(packed + conv.BasesOffset), first, count, rows);
                    for (int group = 0, moved = 0, used; panel < last; panel += used)
                    {
                        (group, int inGroup) = Math.DivRem(panel, conv._panelsOfGroup);
                        used = Math.Min(Math.Min(TilePanels, last - panel), conv._panelsOfGroup - inGroup);
                        int at = group * conv._groupWords * conv._layout.UnitBytes;
                        for (int i = 0; at != moved && i < count; i++) rows[i].A += at - moved;
                        moved = at;
                        conv._tile(new()
                        {
                            Rows = rows,
                            Segments = segments,
                            B = packed + (nint)panel * conv.PanelBytes,
                            C = sums,
                            CStride = TilePanels * Columns,
                            RowCount = count,
                            Panels = used,
                            SegmentCount = conv._segments.Length,
                            Words = conv._segmentWords,
                            Column = panel * Columns,
                        });
                        store.Store(sums, TilePanels * Columns, first, count, group * conv._s.GroupOutChannels + inGroup * Columns, Math.Min(used * Columns, conv._s.GroupOutChannels - inGroup * Columns));
                    }
                }
            }
        }
    }

    // Where the windows of some output pixels begin, and their bases.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Locate(byte* x, int* bases, int first, int count, GemmBinary.Row* rows)
    {
        var (line, column) = Math.DivRem(first, _w.Output);
        nint step = (nint)_w.Stride * PixelBytes;
        for (int done = 0; done < count; line++, column = 0)
        {
            var (image, row) = Math.DivRem(line, _h.Output);
            byte* from = x + ((nint)image * _height + (nint)row * _h.Stride) * _width * PixelBytes;
            int* line0 = bases + (nint)_reachH.Kinds[row] * _reachW.KindCount * PaddedColumns;
            for (int end = Math.Min(_w.Output, column + count - done); column < end; column++) rows[done++] = new() { A = from + column * step, Base = line0 + (nint)_reachW.Kinds[column] * PaddedColumns };
        }
    }

    private readonly struct CopyBody(ConvBinary conv, ulong* x, byte* to) : IParallelBody
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int words = WordsOf(conv._s.Channels);
            nint rowBytes = (nint)conv._width * conv.PixelBytes;
            for (int r = start; r < end; r++)
            {
                var (image, row) = Math.DivRem(r, conv._height);
                byte* target = to + r * rowBytes;
                int y = row - conv._h.Pad, left = Math.Min(conv._w.Pad, conv._width), inside = Math.Min(conv._w.Input, conv._width - left);
                if ((uint)y >= (uint)conv._h.Input)
                {
                    new Span<byte>(target, (int)rowBytes).Clear();
                    continue;
                }
                new Span<byte>(target, left * conv.PixelBytes).Clear();
                conv.CopyPixels(x + ((nint)image * conv._h.Input + y) * conv._w.Input * words, words, inside, target + left * conv.PixelBytes);
                new Span<byte>(target + (left + inside) * conv.PixelBytes, (int)rowBytes - (left + inside) * conv.PixelBytes).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyPixels(ulong* x, int words, int pixels, byte* to)
    {
        if (words == _pixelWords && (_s.Group == 1 || _s.GroupChannels % 64 == 0))
        {
            Copy(x, pixels * words, to);
            return;
        }
        // Every group's channels begin with a word.
        for (int i = 0; i < pixels; i++, x += words)
            for (int g = 0; g < _s.Group; g++)
                for (int c = 0; c < _s.GroupChannels; c += 64, to += _layout.UnitBytes)
                {
                    int at = g * _s.GroupChannels + c, used = Math.Min(64, _s.GroupChannels - c);
                    ulong word = x[at / 64] >> at % 64;
                    if (at % 64 + used > 64) word |= x[at / 64 + 1] << 64 - at % 64;
                    if (used < 64) word &= (1ul << used) - 1;
                    Copy(&word, 1, to);
                }
    }

    private void Copy(ulong* x, int words, byte* to)
    {
        if (_layout.UnitBytes == sizeof(ulong)) new ReadOnlySpan<ulong>(x, words).CopyTo(new(to, words));
        else GemmBinary.Spread(x, words, to);
    }
}
