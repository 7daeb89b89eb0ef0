using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution of channels-last u8 codes x [N, D, H, W, C], C padded to a multiple of 4, with s8 weights, exact in 32 bits: tiles of
/// <see cref="GemmU8S8"/> whose rows are output pixels side by side and whose segments are rows of the window. Padding is the zero point's code, written once around a
/// copy of the input where the window reaches out. The window has one tap along D.
/// </summary>
public sealed unsafe partial class ConvU8S8
{
    // Output pixels of a tile: their sums and codes stay in the first-level cache.
    private const int Pixels = 112, Columns = GemmU8S8.PanelColumns;

    // Weights that stay in the second-level cache while pixels pass by.
    private const long CachedBytes = 400 * 1024;

    private readonly ConvShape _s;
    private readonly NmForm? _form;
    private readonly WindowDim _h, _w;
    private readonly bool _subsample, _wide, _copies;
    private readonly int _images, _padded, _quads, _panelsOfGroup, _groupColumns, _height, _width, _rowBytes;

    /// <summary>
    /// Fixes the geometry; the shape must be one that <see cref="Supports(in ConvShape)"/> allows. Weights of a <paramref name="form"/> are sparse along input channels
    /// (<see cref="Supports(in ConvShape, NmForm)"/>), and their tiles those of <see cref="GemmNmU8S8"/>.
    /// </summary>
    public ConvU8S8(in ConvShape s, NmForm? form = null)
    {
        _form = form;
        (_s, _h, _w, _images) = (s, s.Window.H, s.Window.W, Checked.Int((long)s.Batch * s.Window.D.Output));
        _padded = ChannelsLast.Padded(s.Channels);
        bool pointwise = _h is { Kernel: 1, Pad: 0, PadEnd: 0 } && _w is { Kernel: 1, Pad: 0, PadEnd: 0 };
        _subsample = pointwise && (_h.Stride > 1 || _w.Stride > 1);
        // Taps of a row side by side are one run of bytes.
        _wide = s.Group == 1 && (_w.Kernel == 1 || _w.Dilation == 1);
        int run = _wide ? Checked.Int(Checked.Mul(_w.Kernel, _padded)) : s.GroupChannels;
        _quads = form is { } f ? f.Quads(run) : (run + 3) / 4;
        (_height, _width) = (Reach(_h), Reach(_w));
        bool inside = _h.Pad == 0 && _w.Pad == 0 && _height <= _h.Input && _width <= _w.Input;
        // A group's last quad may reach into what follows the tensor.
        _copies = _subsample || !inside || s.Group > 1 && s.GroupChannels % 4 != 0 || form is { } sparse && run % sparse.Window != 0;
        if (_subsample) (_height, _width) = (_h.Output, _w.Output);
        else if (!_copies) (_height, _width) = (_h.Input, _w.Input);
        // Rows are copied and addressed in ints.
        _rowBytes = Checked.Int(Checked.Mul(_width, _padded));
        int rest = s.GroupOutChannels % Columns;
        _panelsOfGroup = (s.GroupOutChannels + Columns - 1) / Columns;
        _groupColumns = s.GroupOutChannels - rest + (rest == 0 ? 0 : rest <= Columns / 2 ? Columns / 2 : Columns);
    }

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) =>
        s.Window.D is { Kernel: 1, Stride: 1, Pad: 0, PadEnd: 0 } && s.Window.H.Pad >= 0 && s.Window.W.Pad >= 0 && s.Channels > 0 && s.OutChannels > 0 && s.Batch > 0 && s.Window.Outputs > 0 && s.Window.Inputs > 0;

    /// <summary>True when weights of the form are computed without being expanded: groups of whole input channels, taps of a row side by side.</summary>
    public static bool Supports(in ConvShape s, NmForm form) => Supports(s) && form.IsSupported && s.Group == 1 && s.Channels % form.M == 0 && s.Channels % 4 == 0 && (s.Window.W.Kernel == 1 || s.Window.W.Dilation == 1);

    /// <summary>The tiles of a tier for weights of a form.</summary>
    public static GemmU8S8.TileFn Tiles(GemmNmU8S8.TileFn tile, NmForm form) => (in GemmU8S8.Tile t) => tile(new(t, form));

    /// <summary>Bytes of workspace: the copy of the input.</summary>
    public long WorkBytes => _copies ? Checked.Mul(Checked.Mul(_images, Checked.Mul(_height, _width)), _padded) + 64 : 0;

    /// <summary>Output channels as <see cref="Starts"/> and scales count them: every group padded to whole panels.</summary>
    public int PaddedColumns => Checked.Int(Checked.Mul(_s.Group, _groupColumns));

    private static int Reach(WindowDim w) => Checked.Int(Checked.Mul(w.Output - 1, w.Stride) + Checked.Mul(w.Kernel - 1, w.Dilation) + 1);

    /// <summary>
    /// Runs the convolution; <paramref name="starts"/> are the sums' first values (<see cref="Starts"/>), <paramref name="zero"/> is the code that padding holds.
    /// </summary>
    public void Run<TStore>(GemmU8S8.TileFn tile, Workers workers, byte* x, byte zero, sbyte* packed, int* starts, byte* work, in TStore store) where TStore : struct, ISumStore
    {
        if (_copies)
        {
            workers.For(Checked.Int(Checked.Mul(_images, _height)), Math.Max(1, 65536 / _rowBytes), new CopyBody(this, x, zero, work));
            x = work;
        }
        // Pixels of a pointwise convolution form one line.
        bool merged = _h.Kernel == 1 && _w.Kernel == 1 && (_subsample || _w.Stride == 1 && _h.Stride == 1 && !_copies);
        int lines = merged ? 1 : Checked.Int(Checked.Mul(_images, _h.Output)), length = merged ? Checked.Int(Checked.Mul(_images, Checked.Mul(_h.Output, _w.Output))) : _w.Output;
        int chunks = (length + Pixels - 1) / Pixels, panels = _s.Group * _panelsOfGroup;
        double work1 = (double)Math.Min(length, Pixels) * Columns * _s.GroupChannels * _s.Window.Taps;
        workers.For(Checked.Int(Checked.Mul(Checked.Mul(lines, chunks), panels)), (int)Math.Clamp(2_000_000 / Math.Max(1, work1), 1, 1 << 20),
            new Body<TStore>(this, tile, x, packed, starts, store, length, chunks, lines * chunks, panels, merged || _subsample ? 1 : _h.Stride, merged || _subsample ? 1 : _w.Stride));
    }

    private readonly struct Body<TStore>(ConvU8S8 conv, GemmU8S8.TileFn tile, byte* x, sbyte* packed, int* starts, TStore store, int length, int chunks, int blocks, int panels, int strideH, int strideW) : IParallelBody where TStore : struct, ISumStore
    {
        public void Run(int start, int end)
        {
            int* sums = (int*)Scratch.Get(sizeof(int) * Pixels * Columns);
            // Large weights are read once, small ones while the pixels are in the cache.
            bool weightsOuter = conv.PackedLength > CachedBytes;
            for (int unit = start; unit < end; unit++)
            {
                int panel = weightsOuter ? unit / blocks : unit % panels, block = weightsOuter ? unit % blocks : unit / panels;
                var (line, chunk) = Math.DivRem(block, chunks);
                int first = chunk * Pixels, count = Math.Min(Pixels, length - first);
                var (group, inGroup) = Math.DivRem(panel, conv._panelsOfGroup);
                int columns = Math.Min(Columns, conv._groupColumns - inGroup * Columns), channel = group * conv._s.GroupOutChannels + inGroup * Columns;
                var (image, row) = Math.DivRem(line, conv._h.Output);
                byte* from = x + (((nint)image * conv._height + (nint)row * strideH) * conv._width + (nint)first * strideW) * conv._padded;
                conv.Tile(tile, from, strideW, group, packed + conv.PanelOffset(group, inGroup), starts + group * conv._groupColumns + inGroup * Columns, columns, count, sums);
                store.Store(sums, Columns, (long)line * length + first, count, channel, Math.Min(Columns, conv._s.GroupOutChannels - inGroup * Columns));
            }
        }
    }

    private void Tile(GemmU8S8.TileFn tile, byte* x, int strideW, int group, sbyte* b, int* start, int columns, int rows, int* sums)
    {
        nint step = (nint)_h.Dilation * _rowBytes;
        var t = new GemmU8S8.Tile { A = x, RowStride = (nint)strideW * _padded, SegmentStride = step, B = b, Start = start, StartStride = 0, C = sums, CStride = Columns, Rows = rows, Columns = columns, Segments = _h.Kernel, Quads = _quads };
        if (_wide)
        {
            tile(t);
            return;
        }
        (t.SegmentStride, t.Segments) = ((nint)_w.Dilation * _padded, _w.Kernel);
        for (int k = 0; k < _h.Kernel; k++)
        {
            t.A = x + k * step + group * _s.GroupChannels;
            tile(t);
            t.B += (nint)_w.Kernel * _quads * 4 * columns;
            t.Start = sums;
            t.StartStride = Columns;
        }
    }

    private readonly struct CopyBody(ConvU8S8 conv, byte* x, byte zero, byte* to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int c = conv._padded, rowBytes = conv._rowBytes;
            for (int r = start; r < end; r++)
            {
                var (image, row) = Math.DivRem(r, conv._height);
                byte* target = to + (nint)r * rowBytes, source = x + (nint)image * conv._h.Input * conv._w.Input * c;
                if (conv._subsample)
                {
                    source += (nint)row * conv._h.Stride * conv._w.Input * c;
                    for (int i = 0; i < conv._width; i++) new ReadOnlySpan<byte>(source + (nint)i * conv._w.Stride * c, c).CopyTo(new Span<byte>(target + (nint)i * c, c));
                    continue;
                }
                int y = row - conv._h.Pad, left = Math.Min(conv._w.Pad, conv._width), inside = Math.Min(conv._w.Input, conv._width - left);
                if ((uint)y >= (uint)conv._h.Input)
                {
                    new Span<byte>(target, rowBytes).Fill(zero);
                    continue;
                }
                new Span<byte>(target, left * c).Fill(zero);
                new ReadOnlySpan<byte>(source + (nint)y * conv._w.Input * c, inside * c).CopyTo(new Span<byte>(target + left * c, inside * c));
                new Span<byte>(target + (left + inside) * c, rowBytes - (left + inside) * c).Fill(zero);
            }
        }
    }
}
