using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Direct convolution in f32 with outputs blocked by 16 channels; inputs are blocked alike, or plain for the few channels of a first
/// layer. Weights are packed [pair of output blocks][input block][row][column][input channel][32 output channels]. Sums stay in
/// registers over all taps and channels, for a tile of pixels × 32 channels. One group, up to two spatial axes, horizontal stride 1 or 2.
/// </summary>
public static unsafe partial class ConvBlocked
{
    /// <summary>Channels a block.</summary>
    public const int Block = 16;

    private const int Pair = 2 * Block;

    // Weights that stay in a second-level cache of a megabyte while rows of pixels pass by.
    private const int CachedFloats = 160 * 1024;

    // Weights of a pair that are fetched while the pair before is at work: both fit a second-level cache.
    private const int FetchedFloats = 64 * 1024;

    // Pixels that meet one pair's weights before the next chunk, where rows are merged.
    private const int MergedPixels = 112;

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) => s.Group == 1 && s.Window.D.IsPointwise && s.Window.D.Input == 1 && s.Window.W.Stride is 1 or 2 && s.OutChannels > 0 && s.Channels > 0;

    /// <summary>Floats of the packed weights.</summary>
    public static long PackedLength(in ConvShape s, bool plainInput) =>
        Tensors.Checked.Mul(Tensors.Checked.Mul(Pairs(s), plainInput ? s.Channels : Blocks(s.Channels) * Block), Tensors.Checked.Mul(s.Window.Taps, Pair));

    /// <summary>Floats of the packed bias.</summary>
    public static int BiasLength(in ConvShape s) => Pairs(s) * Pair;

    /// <summary>Floats of workspace: an image with its padding, where there is any.</summary>
    public static long WorkFloats(in ConvShape s, bool plainInput) => new Geometry(s, plainInput).PaddedFloats;

    private static int Blocks(int channels) => (channels + Block - 1) / Block;

    private static int Pairs(in ConvShape s) => (s.OutChannels + Pair - 1) / Pair;

    /// <summary>
    /// Runs the convolution; <paramref name="bias"/> is padded to <see cref="BiasLength"/> with zeros, or null. Weights that were packed for <paramref name="packedChannels"/> input channels
    /// and at least as many output channels serve by their first ones, where those are whole blocks or all; 0 means those of the shape. The bits are those of weights packed for the shape.
    /// </summary>
    public static void Run(Workers workers, in ConvShape s, bool plainInput, float* x, float* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue, int packedChannels = 0) =>
        Run(Table.Best, workers, s, plainInput, x, packed, bias, y, work, epilogue, packedChannels);

    /// <summary>As <see cref="Run(Workers, in ConvShape, bool, float*, float*, float*, float*, float*, in StoreEpilogue, int)"/>, with a given tile.</summary>
    public static void Run(RowFn row, Workers workers, in ConvShape s, bool plainInput, float* x, float* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue, int packedChannels = 0)
    {
        var g = new Geometry(s, plainInput);
        int stored = packedChannels == 0 ? s.Channels : packedChannels;
        nint weightsOfPair = (nint)(plainInput ? stored : Blocks(stored) * Block) * s.Window.Taps * Pair;
        nint imageFloats = (nint)g.Planes * g.Lanes * s.Window.Inputs, outFloats = (nint)Blocks(s.OutChannels) * s.Window.Outputs * Block;
        for (int n = 0; n < s.Batch; n++)
        {
            float* image = x + n * imageFloats;
            if (g.PaddedFloats > 0)
            {
                workers.For(Tensors.Checked.Int((long)g.Planes * g.Height), Math.Max(1, 16384 / Math.Max(1, g.RowFloats)), new PadBody(g, image, work));
                image = work;
            }
            double rowWork = (double)g.RowPixels * s.Channels * s.Window.Taps * Pair;
            workers.For(Tensors.Checked.Int((long)Pairs(s) * g.Rows), (int)Math.Clamp(131072 / Math.Max(1, rowWork), 1, 1 << 20), new RowBody(row, g, image, packed, weightsOfPair, bias, y, n * outFloats, epilogue));
        }
    }

    /// <summary>Where rows, taps and pixels of the (padded) input lie.</summary>
    private readonly struct Geometry
    {
        public readonly ConvShape Shape;

        /// <summary>Channel blocks of the input, channels of each (1 for a plain input), height and width with padding.</summary>
        public readonly int Planes, Lanes, Height, Width;

        /// <summary>Runs of output pixels and pixels of each: a row, two rows of seven pixels, or of a pointwise window, whose rows are merged, a cut.</summary>
        public readonly int Rows, RowPixels, Pixels, RowsAtOnce;

        /// <summary>Floats of a padded image, 0 where the input serves as it lies.</summary>
        public readonly long PaddedFloats;

        /// <summary>True to meet a row with all weights before the next row: where the weights fit a second-level cache better than the image.</summary>
        public readonly bool RowsOutside;

        public Geometry(in ConvShape s, bool plainInput)
        {
            Shape = s;
            (Planes, Lanes) = plainInput ? (s.Channels, 1) : (Blocks(s.Channels), Block);
            WindowDim h = s.Window.H, w = s.Window.W;
            (Height, Width) = (h.Input, w.Input);
            Pixels = s.Window.Outputs;
            long weights = PackedLength(s, plainInput);
            RowsOutside = weights <= CachedFloats && weights < (long)Planes * Lanes * s.Window.Inputs;
            RowsAtOnce = w.Output == HalfRow ? 2 : 1;
            (Rows, RowPixels) = s.Window.IsPointwise ? ((Pixels + MergedPixels - 1) / MergedPixels, Math.Min(Pixels, MergedPixels)) : ((h.Output + RowsAtOnce - 1) / RowsAtOnce, RowsAtOnce * w.Output);
            if (h.Pad == 0 && w.Pad == 0 && Extent(h) <= h.Input && Extent(w) <= w.Input) return;
            (Height, Width) = (Tensors.Checked.Int(Extent(h)), Tensors.Checked.Int(Extent(w)));
            PaddedFloats = Tensors.Checked.Mul(Tensors.Checked.Mul(Planes, Lanes), Tensors.Checked.Mul(Height, Width));
        }

        /// <summary>Floats of an input row.</summary>
        public int RowFloats => Width * Lanes;

        private static long Extent(WindowDim d) => (long)(Math.Max(1, d.Output) - 1) * d.Stride + (d.Kernel - 1L) * d.Dilation + 1;
    }

    private readonly struct PadBody(Geometry g, float* image, float* padded) : IParallelBody
    {
        public void Run(int start, int end)
        {
            WindowDim h = g.Shape.Window.H, w = g.Shape.Window.W;
            int left = Math.Min(w.Pad, g.Width), used = Math.Clamp(g.Width - left, 0, w.Input), right = g.Width - left - used;
            for (int i = start; i < end; i++)
            {
                int plane = i / g.Height, r = i % g.Height - h.Pad;
                float* to = padded + (nint)i * g.RowFloats;
                if (r < 0 || r >= h.Input)
                {
                    new Span<float>(to, g.RowFloats).Clear();
                    continue;
                }
                new Span<float>(to, left * g.Lanes).Clear();
                new ReadOnlySpan<float>(image + ((nint)plane * h.Input + r) * w.Input * g.Lanes, used * g.Lanes).CopyTo(new Span<float>(to + (nint)left * g.Lanes, used * g.Lanes));
                new Span<float>(to + (nint)(left + used) * g.Lanes, right * g.Lanes).Clear();
            }
        }
    }

    private readonly struct RowBody(RowFn row, Geometry g, float* image, float* packed, nint weightsOfPair, float* bias, float* y, nint outOffset, StoreEpilogue epilogue) : IParallelBody
    {
        public void Run(int start, int end)
        {
            WindowDim h = g.Shape.Window.H, w = g.Shape.Window.W;
            bool plain = g.Lanes == 1, merged = g.Shape.Window.IsPointwise;
            // A plain input's taps of one row lie side by side: they make the inner loop in place of the channels of a block.
            bool tapsInside = plain && w.Dilation == 1;
            int outBlocks = Blocks(g.Shape.OutChannels), pairs = Pairs(g.Shape);
            bool simple = epilogue.TryTail(out var tail), rowsOutside = g.RowsOutside;
            nint used = (nint)g.Planes * g.Lanes * g.Shape.Window.Taps * Pair, plane = (nint)g.Height * g.RowFloats;
            // A tile fetches half of the next weights.
            int tilesOfRow = (g.RowPixels + WideTile - 1) / WideTile, fetching = rowsOutside || used > FetchedFloats ? 0 : (2 + tilesOfRow - 1) / tilesOfRow;
            for (int i = start; i < end; i++)
            {
                var (pair, r) = rowsOutside ? (i % pairs, i / pairs) : (i / g.Rows, i % g.Rows);
                int first = r * g.RowPixels, pixels = Math.Min(g.RowPixels, g.Pixels - first), block = 2 * pair;
                bool two = block + 1 < outBlocks;
                float* weights = packed + pair * weightsOfPair, next = r < fetching && (pair + 1) * g.Rows < end ? weights + weightsOfPair : null;
                nint at = outOffset + ((nint)block * g.Pixels + first) * Block, second = at + (nint)g.Pixels * Block;
                row(new Row
                {
                    X = image + (merged ? (nint)first * g.Lanes : (nint)r * g.RowsAtOnce * h.Stride * g.RowFloats),
                    Wrap = !merged && g.RowsAtOnce > 1 ? (nint)h.Stride * g.RowFloats - HalfRow * g.Lanes * w.Stride : 0,
                    Step = g.Lanes * w.Stride,
                    Blocks = g.Planes,
                    BlockStep = plane,
                    Rows = h.Kernel,
                    RowStep = (nint)h.Dilation * g.RowFloats,
                    Columns = tapsInside ? 1 : w.Kernel,
                    ColumnStep = (nint)w.Dilation * g.Lanes,
                    Inner = tapsInside ? w.Kernel : g.Lanes,
                    LastInner = tapsInside ? w.Kernel : plain ? 1 : g.Shape.Channels - (g.Planes - 1) * Block,
                    W = weights,
                    Next = next is null ? null : next + r * tilesOfRow * used / 2,
                    NextEnd = next + used,
                    Bias = bias is null ? null : bias + pair * Pair,
                    Y0 = y + at,
                    Y1 = two ? y + second : null,
                    Pixels = pixels,
                    Tail = simple ? tail.From(at) : StoreTail.None,
                    Plus1 = simple && tail.Plus is not null ? tail.Plus + second : null,
                });
                if (simple) continue;
                epilogue.Apply(at, new Span<float>(y + at, pixels * Block));
                if (two) epilogue.Apply(second, new Span<float>(y + second, pixels * Block));
            }
        }
    }
}
