namespace Engine.Kernels;

/// <summary>
/// 3 × 3 convolution of stride 1 by Winograd's F(4×4, 3×3) in f32: 36 multiplications for 16 outputs where the definition takes 144.
/// Inputs and outputs are blocked by 16 channels. A tile of 6 × 6 inputs is transformed to 36 positions; at each position tiles × input
/// channels meet input × output channels as a product of <see cref="ConvBlocked"/>; 36 sums are transformed back to 4 × 4 outputs.
/// <para>The points are 0, ±5/8, ±3/2 and ∞, whose powers are exact in f32. Over normal data the largest error, relative to the largest
/// output, is 1.3e-6 for 64 input channels and 2.4e-6 for 512; the direct sum in f32 has 6.7e-7 and 1.4e-6.</para>
/// <para>Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016; points as discussed by Barabasz et al., 2020.</para>
/// </summary>
public static unsafe partial class ConvWinograd
{
    private const int Block = ConvBlocked.Block, Pair = 2 * Block, Outputs = 4, Inputs = 6, Positions = Inputs * Inputs;

    // Transformed inputs of one chunk of tiles: half of a second-level cache of a megabyte.
    private const int ChunkFloats = 144 * 1024;

    // The most tiles that meet one pair's weights at once: two register tiles.
    private const int TilesAtOnce = 28;

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) => ConvBlocked.Supports(s) && IsThree(s.Window.H) && IsThree(s.Window.W);

    private static bool IsThree(WindowDim d) => d is { Kernel: 3, Stride: 1, Dilation: 1 };

    /// <summary>Multiplications that tiles take over those that their outputs need: at the edges tiles reach beyond.</summary>
    public static double Waste(in ConvShape s) => (double)Tiles(s.Window.H) * Tiles(s.Window.W) * Outputs * Outputs / s.Window.Outputs;

    /// <summary>Floats of the packed weights: [pair of output blocks][position][input channel, in whole blocks][32 output channels].</summary>
    public static long PackedLength(in ConvShape s) => Tensors.Checked.Mul(Tensors.Checked.Mul(Pairs(s), Positions), (long)Blocks(s.Channels) * Block * Pair);

    /// <summary>Floats of the packed bias.</summary>
    public static int BiasLength(in ConvShape s) => ConvBlocked.BiasLength(s);

    /// <summary>Floats of workspace: the transformed inputs of a chunk.</summary>
    public static long WorkFloats(in ConvShape s) => new Geometry(s).PositionFloats * Positions;

    /// <summary>Packs weights [M, C, 3, 3], transformed in double precision.</summary>
    public static void Pack(Workers workers, in ConvShape s, float* w, float* packed) => workers.For(Pairs(s), 1, new PackBody(s, w, packed));

    private static int Tiles(WindowDim d) => (d.Output + Outputs - 1) / Outputs;

    private static int Blocks(int channels) => (channels + Block - 1) / Block;

    private static int Pairs(in ConvShape s) => (s.OutChannels + Pair - 1) / Pair;

    /// <summary>
    /// Runs the convolution; <paramref name="bias"/> is padded to <see cref="BiasLength"/> with zeros, or null. Weights that were packed for <paramref name="packedChannels"/> input channels
    /// and at least as many output channels serve by their first ones, where those are whole blocks or all; 0 means those of the shape. The bits are those of weights packed for the shape.
    /// </summary>
    public static void Run(Workers workers, in ConvShape s, float* x, float* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue, int packedChannels = 0) =>
        Run(InputTable.Best, OutputTable.Best, ConvBlocked.Table.Best, workers, s, x, packed, bias, y, work, epilogue, packedChannels);

    /// <summary>As <see cref="Run(Workers, in ConvShape, float*, float*, float*, float*, float*, in StoreEpilogue, int)"/>, with given variants.</summary>
    public static void Run(InputFn input, OutputFn output, ConvBlocked.RowFn product, Workers workers, in ConvShape s, float* x, float* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue, int packedChannels = 0)
    {
        nint depth = (nint)Blocks(packedChannels == 0 ? s.Channels : packedChannels) * Block;
        var g = new Geometry(s);
        for (int n = 0; n < s.Batch; n++)
            for (int first = 0; first < g.TileRows; first += g.ChunkRows)
            {
                var c = new Chunk(g, first, Math.Min(g.ChunkRows, g.TileRows - first), n, workers.Threads);
                workers.For(Blocks(s.Channels) * c.Rows, 1 + 4096 / (Positions * Block * g.TileColumns), new InputBody(input, g, c, x, work));
                workers.For(Pairs(s) * c.Groups, 1, new OutputBody(output, product, g, c, work, packed, depth, bias, y, epilogue));
            }
    }

    private readonly struct Geometry
    {
        public readonly ConvShape Shape;

        /// <summary>Tiles down and across; rows of tiles of a chunk.</summary>
        public readonly int TileRows, TileColumns, ChunkRows;

        /// <summary>Floats of the transformed inputs of one position. An odd number of cache lines: positions do not fall on one set of a cache.</summary>
        public readonly long PositionFloats;

        public Geometry(in ConvShape s)
        {
            Shape = s;
            (TileRows, TileColumns) = (Tiles(s.Window.H), Tiles(s.Window.W));
            long tile = (long)Positions * Blocks(s.Channels) * Block;
            ChunkRows = (int)Math.Clamp(ChunkFloats / (tile * TileColumns), 1, TileRows);
            PositionFloats = Tensors.Checked.Mul((long)ChunkRows * TileColumns, (long)Blocks(s.Channels) * Block) / Block * Block;
            if (PositionFloats / Block % 2 == 0) PositionFloats += Block;
        }
    }

    /// <summary>Rows of tiles of one image that are transformed, multiplied and transformed back together.</summary>
    private readonly struct Chunk
    {
        /// <summary>Tiles in all, and of a group: those that meet one pair's weights at once.</summary>
        public readonly int FirstRow, Rows, Image, Tiles, Group, Groups;

        public Chunk(Geometry g, int firstRow, int rows, int image, int threads)
        {
            (FirstRow, Rows, Image, Tiles) = (firstRow, rows, image, rows * g.TileColumns);
            // A small image of few channels gives every thread a share of its tiles, each of which is summed alone.
            int shares = (threads + Pairs(g.Shape) - 1) / Pairs(g.Shape);
            Group = Math.Min(TilesAtOnce, (Tiles + shares - 1) / shares);
            Groups = (Tiles + Group - 1) / Group;
        }
    }

    private readonly struct InputBody(InputFn input, Geometry g, Chunk c, float* x, float* work) : IParallelBody
    {
        public void Run(int start, int end)
        {
            WindowDim h = g.Shape.Window.H, w = g.Shape.Window.W;
            float* patch = stackalloc float[Positions * Block];
            int blocks = Blocks(g.Shape.Channels);
            nint position = (nint)g.PositionFloats, rowFloats = (nint)w.Input * Block;
            for (int i = start; i < end; i++)
            {
                int block = i / c.Rows, row = i % c.Rows, top = h.Start((c.FirstRow + row) * Outputs);
                float* plane = x + ((nint)c.Image * blocks + block) * h.Input * rowFloats, v = work + ((nint)block * c.Tiles + row * g.TileColumns) * Block;
                for (int t = 0; t < g.TileColumns; t++, v += Block)
                {
                    int left = w.Start(t * Outputs);
                    if (top >= 0 && left >= 0 && top + Inputs <= h.Input && left + Inputs <= w.Input)
                    {
                        input(plane + top * rowFloats + left * Block, rowFloats, v, position);
                        continue;
                    }
                    Cut(plane, top, left, h.Input, w.Input, patch);
                    input(patch, Inputs * Block, v, position);
                }
            }
        }

        // A patch over the edge of the image, with zeros outside.
        private static void Cut(float* plane, int top, int left, int height, int width, float* patch)
        {
            new Span<float>(patch, Positions * Block).Clear();
            int first = Math.Clamp(-left, 0, Inputs), last = Math.Clamp(width - left, first, Inputs);
            if (first == last) return;
            for (int r = Math.Max(0, -top); r < Inputs && top + r < height; r++)
                new ReadOnlySpan<float>(plane + ((nint)(top + r) * width + left + first) * Block, (last - first) * Block).CopyTo(new Span<float>(patch + (r * Inputs + first) * Block, (last - first) * Block));
        }
    }

    private readonly struct OutputBody(OutputFn output, ConvBlocked.RowFn product, Geometry g, Chunk c, float* work, float* packed, nint depth, float* bias, float* y, StoreEpilogue epilogue) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int blocks = Blocks(g.Shape.Channels), outBlocks = Blocks(g.Shape.OutChannels);
            nint sums = (2 * TilesAtOnce + 1) * Block;
            float* m = (float*)Scratch.Get((long)Positions * sums * sizeof(float));
            for (int i = start; i < end; i++)
            {
                int pair = i / c.Groups, first = i % c.Groups * c.Group, tiles = Math.Min(c.Group, c.Tiles - first);
                bool two = 2 * pair + 1 < outBlocks;
                for (int p = 0; p < Positions; p++)
                    product(new ConvBlocked.Row
                    {
                        X = work + p * (nint)g.PositionFloats + (nint)first * Block,
                        Step = Block,
                        Blocks = blocks,
                        BlockStep = (nint)c.Tiles * Block,
                        Rows = 1,
                        Columns = 1,
                        Inner = Block,
                        LastInner = g.Shape.Channels - (blocks - 1) * Block,
                        W = packed + ((nint)pair * Positions + p) * depth * Pair,
                        Y0 = m + p * sums,
                        Y1 = two ? m + p * sums + TilesAtOnce * Block : null,
                        Pixels = tiles,
                        Tail = StoreTail.None,
                    });
                for (int b = 0; b < (two ? 2 : 1); b++) Back(m + b * TilesAtOnce * Block, sums, first, tiles, 2 * pair + b);
            }
        }

        private void Back(float* m, nint sums, int first, int tiles, int block)
        {
            WindowDim h = g.Shape.Window.H, w = g.Shape.Window.W;
            bool simple = epilogue.TryTail(out var tail);
            nint plane = ((nint)c.Image * Blocks(g.Shape.OutChannels) + block) * g.Shape.Window.Outputs * Block;
            for (int t = 0; t < tiles; t++)
            {
                int row = (c.FirstRow + (first + t) / g.TileColumns) * Outputs, column = (first + t) % g.TileColumns * Outputs;
                nint at = plane + ((nint)row * w.Output + column) * Block;
                var o = new OutputTile
                {
                    M = m + t * Block,
                    PositionStep = sums,
                    Bias = bias is null ? null : bias + block * Block,
                    Y = y + at,
                    RowStep = (nint)w.Output * Block,
                    Rows = Math.Min(Outputs, h.Output - row),
                    Columns = Math.Min(Outputs, w.Output - column),
                    Tail = simple ? tail.From(at) : StoreTail.None,
                };
                output(o);
                if (simple) continue;
                for (int r = 0; r < o.Rows; r++, at += o.RowStep) epilogue.Apply(at, new Span<float>(y + at, o.Columns * Block));
            }
        }
    }
}
