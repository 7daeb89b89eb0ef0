using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Which inputs a bit-sliced convolution reads for each of its outputs, made once for a shape. Outputs are numbered through the batch, in blocks of <see cref="BitPlanes.BlockPixels"/>.</summary>
public sealed unsafe class SlicedWindow
{
    private readonly List<bool[]> _outside = [];
    private readonly int[] _entries;
    private readonly int[] _ids;
    private readonly Tensor _masks, _taps, _classes;

    /// <summary>
    /// Makes the tables. <paramref name="fromPlanes"/>: inputs are <see cref="BitPlanes"/>, and outputs lie on the same pixels (<see cref="IsAligned"/>); otherwise words with
    /// channels innermost, and any window goes.
    /// </summary>
    public SlicedWindow(in ConvShape shape, bool fromPlanes)
    {
        if (!Supports(shape) || fromPlanes && !IsAligned(shape)) throw new UnsupportedException($"no bit-sliced convolution of {shape}");
        (Shape, FromPlanes) = (shape, fromPlanes);
        var (h, w) = (shape.Window.H, shape.Window.W);
        Pixels = Checked.Int(Checked.Mul(shape.Batch, shape.Window.Outputs));
        Blocks = BitPlanes.Blocks(Pixels);
        int taps = Taps = shape.Window.Taps;
        _classes = Tensor.Allocate(DType.I32, new Shape(Checked.Mul(Blocks, BitPlanes.BlockPixels)));
        _classes.Bytes.Clear();
        _outside.Add(new bool[taps]);
        _taps = fromPlanes ? Tensor.Allocate(DType.U8, new Shape(Checked.Mul(Blocks, (long)taps * BitPlanes.PlaneBytes))) : Tensor.Allocate(DType.I32, new Shape(Checked.Mul(Blocks, (long)taps * BitPlanes.BlockPixels)));
        if (fromPlanes) _taps.Bytes.Clear();
        else _taps.Span<int>().Fill(-1);
        List<(int Block, int Id, ulong[] Mask)> classes = [];
        var ids = new Dictionary<(int, int, int, int), int>();
        var here = new Dictionary<int, ulong[]>();
        for (int p = 0; p < Pixels; p++)
        {
            int block = p / BitPlanes.BlockPixels, at = p % BitPlanes.BlockPixels, o = p % shape.Window.Outputs, image = p / shape.Window.Outputs, oh = o / w.Output, ow = o % w.Output;
            h.Taps(oh, out int h0, out int h1);
            w.Taps(ow, out int w0, out int w1);
            if (!ids.TryGetValue((h0, h1, w0, w1), out int id)) ids[(h0, h1, w0, w1)] = id = Class(h0, h1, w0, w1);
            if (id != 0)
            {
                _classes.Span<int>()[p] = id;
                if (!here.TryGetValue(id, out var mask)) here[id] = mask = new ulong[BitPlanes.PlaneBytes / 8];
                mask[at / 64] |= 1ul << (at % 64);
            }
            for (int y = h0; y < h1; y++)
                for (int x = w0; x < w1; x++)
                {
                    int tap = y * w.Kernel + x;
                    if (fromPlanes) ((ulong*)_taps.Pointer)[((long)block * taps + tap) * (BitPlanes.PlaneBytes / 8) + at / 64] |= 1ul << (at % 64);
                    else ((int*)_taps.Pointer)[((long)block * taps + tap) * BitPlanes.BlockPixels + at] = (image * h.Input + h.Start(oh) + y * h.Dilation) * w.Input + w.Start(ow) + x * w.Dilation;
                }
            if (at < BitPlanes.BlockPixels - 1 && p < Pixels - 1) continue;
            foreach (var (c, mask) in here.OrderBy(c => c.Key)) classes.Add((block, c, mask));
            here.Clear();
        }
        // The most frequent first, so that most blocks need the first table of SlicedThresholds alone.
        var pixels = new long[Classes];
        foreach (int id in _classes.Span<int>()) pixels[id]++;
        int[] ranked = [0, .. Enumerable.Range(1, Classes - 1).OrderByDescending(c => pixels[c])], rank = new int[Classes];
        for (int i = 0; i < Classes; i++) rank[ranked[i]] = i;
        _outside = [.. ranked.Select(c => _outside[c])];
        foreach (ref int id in _classes.Span<int>()) id = rank[id];
        classes = [.. classes.Select(c => (c.Block, Id: rank[c.Id], c.Mask)).OrderBy(c => (c.Block, c.Id))];
        _ids = [.. classes.Select(c => c.Id)];
        _entries = new int[Blocks + 1];
        foreach (var c in classes) _entries[c.Block + 1]++;
        for (int b = 0; b < Blocks; b++) _entries[b + 1] += _entries[b];
        _masks = Tensor.Allocate(DType.U64, new Shape(classes.Count, BitPlanes.PlaneBytes / 8));
        for (int i = 0; i < classes.Count; i++) classes[i].Mask.CopyTo(_masks.Span<ulong>()[(i * BitPlanes.PlaneBytes / 8)..]);
        if (!fromPlanes) return;
        Shifts = new long[taps];
        for (int t = 0; t < taps; t++) Shifts[t] = ((long)(t / w.Kernel) * h.Dilation - h.Pad) * w.Input + (long)(t % w.Kernel) * w.Dilation - w.Pad;
    }

    /// <summary>Sizes of the convolution.</summary>
    public ConvShape Shape { get; }

    /// <summary>Inputs are planes.</summary>
    public bool FromPlanes { get; }

    /// <summary>Outputs of a channel, of all images.</summary>
    public int Pixels { get; }

    /// <summary>Blocks of outputs.</summary>
    public int Blocks { get; }

    /// <summary>Taps of the window.</summary>
    public int Taps { get; }

    /// <summary>Classes of outputs by which taps lie in the padding; those of class 0 have none there.</summary>
    public int Classes => _outside.Count;

    /// <summary>True where the kernels take the convolution: over two axes, in one group.</summary>
    public static bool Supports(in ConvShape s) => s.Group == 1 && s.Window.D.IsPointwise && s.Window.Outputs > 0 && SlicedProgram.Supports(s.OutChannels, (long)s.Channels * s.Window.Taps);

    /// <summary>True where output pixels are the input's: stride 1 and as many.</summary>
    public static bool IsAligned(in ConvShape s) => s.Window is { H: { Stride: 1 } h, W: { Stride: 1 } w } && h.Input == h.Output && w.Input == w.Output;

    /// <summary>What a sum of row <paramref name="row"/> has too much in a class, inputs in the padding counted as +1.</summary>
    public int Excess(in SlicedProgram program, int row, int classId)
    {
        int sum = 0;
        var outside = _outside[classId];
        for (int t = 0; t < outside.Length; t++) if (outside[t]) sum += program.TapSum(row, t);
        return sum;
    }

    internal long[] Shifts { get; } = [];

    internal byte* TapMasks(int block) => _taps.Pointer + (long)block * Taps * BitPlanes.PlaneBytes;

    internal int* TapPixels(int block) => (int*)_taps.Pointer + (long)block * Taps * BitPlanes.BlockPixels;

    internal ReadOnlySpan<int> ClassIds(int block) => _ids.AsSpan(_entries[block].._entries[block + 1]);

    /// <summary>The class of each output of a block.</summary>
    internal int* PixelClasses(int block) => (int*)_classes.Pointer + (long)block * BitPlanes.BlockPixels;

    internal byte* ClassMasks(int block) => _masks.Pointer + (long)_entries[block] * BitPlanes.PlaneBytes;

    private int Class(int h0, int h1, int w0, int w1)
    {
        var (kh, kw) = (Shape.Window.H.Kernel, Shape.Window.W.Kernel);
        if (h0 == 0 && h1 == kh && w0 == 0 && w1 == kw) return 0;
        var outside = new bool[kh * kw];
        for (int y = 0; y < kh; y++)
            for (int x = 0; x < kw; x++) outside[y * kw + x] = y < h0 || y >= h1 || x < w0 || x >= w1;
        _outside.Add(outside);
        return _outside.Count - 1;
    }
}
