using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Kernels for wires with a grid whose codes lie channels last: sums are integers, requantized where they are made, in binary32 or by dyadic numbers. Clamps behind an operator are
/// bounds of codes.
/// </summary>
internal sealed unsafe class ChannelsLastCandidates(bool dyadic)
{
    public IEnumerable<Candidate> Conv(Conv op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } grid || n.In(0).DType != DType.F32 || !Clamps(n) || Weight(n) is not { } w || !IsBias(n, w.Shape[0])) yield break;
        var s = ConvCpu.Shape(op, n.In(0).Shape, n.In(1).Shape);
        if (!ConvU8S8.Supports(s)) yield break;
        bool depthwise = ConvDepthwiseU8S8.Supports(s);
        if (!depthwise && !FitsCodes(w)) yield break;
        yield return new Candidate(depthwise ? "conv-depthwise-u8s8" : "conv-u8s8", b => depthwise ? BindDepthwise(s, grid, w, b) : BindDense(s, grid, w, b))
        {
            Accepts = [ChannelsLastEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? ChannelsLastEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Nanoseconds = s.Operations / (depthwise ? Rates.Operations(ConvDepthwiseU8S8.Table) / 3 : Rates.CodeOperations(GemmU8S8.Table)) + (n.In(0).Elements + (double)n.Out(0).Elements) / Rates.BytesPerNanosecond,
        };
    }

    private StepFn BindDense(ConvShape s, WireQuantization grid, Quantized w, BindContext b)
    {
        var conv = new ConvU8S8(s);
        var layout = new PackedLayout("conv-u8s8", 1, $"{ConvBlockedCpu.Weights(s)} dilation {s.Window.W.Dilation}", DType.I8, conv.PackedLength);
        var packed = b.Pack(1, layout, (_, to, _) =>
        {
            if (!conv.Pack(w.Codes.Bytes, w.Signed, QuantizedZeros.Of(w), to.Span<sbyte>())) throw b.Unsupported(1);
        });
        return Bind(conv, GemmU8S8.Table.Best, packed, new ChannelSums(grid, w.Scale.ToF32(), b, s.OutChannels, dyadic), s, grid, b);
    }

    /// <summary>The convolution with packed weights and the tiles that know them.</summary>
    public static StepFn Bind(ConvU8S8 conv, GemmU8S8.TileFn tile, Tensor packed, ChannelSums sums, ConvShape s, WireQuantization grid, BindContext b)
    {
        int zero = grid.Zero + ChannelSums.Flip(grid), work = b.Work(conv.WorkBytes), stride = ChannelsLast.Padded(s.OutChannels), plane = s.Window.Outputs;
        var starts = Tensor.Allocate(DType.I32, new Shape(conv.PaddedColumns));
        conv.Starts(packed.Span<sbyte>(), zero, sums.Biases, starts.Span<int>());
        return sums.ToCodes
            ? (in StepContext c) => conv.Run(tile, c.Workers, c.InPointer(0), (byte)zero, (sbyte*)packed.Pointer, (int*)starts.Pointer, c.WorkPointer(work), sums.Codes(c.OutPointer(0), stride))
            : (in StepContext c) => conv.Run(tile, c.Workers, c.InPointer(0), (byte)zero, (sbyte*)packed.Pointer, (int*)starts.Pointer, c.WorkPointer(work), sums.Planes((float*)c.OutPointer(0), s.OutChannels, plane));
    }

    private StepFn BindDepthwise(ConvShape s, WireQuantization grid, Quantized w, BindContext b)
    {
        var conv = new ConvDepthwiseU8S8(s);
        var layout = new PackedLayout("conv-depthwise-u8s8", 1, ConvBlockedCpu.Weights(s), DType.I16, conv.PackedLength);
        var packed = b.Pack(1, layout, (_, to, _) => conv.Pack(w.Codes.Bytes, w.Signed, QuantizedZeros.Of(w), to.Span<short>()));
        var sums = new ChannelSums(grid, w.Scale.ToF32(), b, s.OutChannels, dyadic);
        int zero = grid.Zero + ChannelSums.Flip(grid), work = b.Work(conv.WorkBytes), stride = ChannelsLast.Padded(s.OutChannels), plane = s.Window.Outputs;
        var starts = Tensor.Allocate(DType.I32, new Shape(conv.StartsLength));
        conv.Starts(packed.Span<short>(), zero, sums.Biases, starts.Span<int>());
        return sums.ToCodes
            ? (in StepContext c) => conv.Run(ConvDepthwiseU8S8.Table.Best, c.Workers, c.InPointer(0), (byte)zero, (short*)packed.Pointer, (int*)starts.Pointer, c.WorkPointer(work), sums.Codes(c.OutPointer(0), stride))
            : (in StepContext c) => conv.Run(ConvDepthwiseU8S8.Table.Best, c.Workers, c.InPointer(0), (byte)zero, (short*)packed.Pointer, (int*)starts.Pointer, c.WorkPointer(work), sums.Planes((float*)c.OutPointer(0), s.OutChannels, plane));
    }

    public static IEnumerable<Candidate> MaxPool(MaxPool op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } grid || n.OutGrid(0) != grid || n.Outputs.Count(o => o is not null) != 1 || n.In(0).Elements == 0) yield break;
        var window = SpatialTypes.Window(op.Windows(n.In(0).Shape));
        if (window.Taps > PoolU8.MostTaps) yield break;
        int batch = n.In(0).Shape.Int(0), channels = n.In(0).Shape.Int(1);
        yield return new Candidate("max-pool-u8", _ => BindMax(batch, channels, window))
        {
            Accepts = [ChannelsLastEncoding.Of(grid)],
            Produces = ChannelsLastEncoding.Of(grid),
            Nanoseconds = (double)n.Out(0).Elements * window.Taps / 40,
        };
    }

    public IEnumerable<Candidate> Add(Add op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } a || n.InGrid(1) is not { } b || n.OutGrid(0) is not { } y || n.In(0) != n.In(1) || n.In(0).DType != DType.F32 || n.In(0).Shape.Rank < 2 || !Clamps(n)) yield break;
        int flip = ChannelSums.Flip(y), min = y.MinCode, max = y.MaxCode;
        foreach (var e in n.Node.Epilogue)
            if (ChannelSums.TryBounds(e, out float low, out float high)) (min, max) = (Math.Clamp(min, y.Encode(low), y.Encode(high)), Math.Clamp(max, y.Encode(low), y.Encode(high)));
        var grids = new AddU8.Grids(a.Scale, a.Zero + ChannelSums.Flip(a), b.Scale, b.Zero + ChannelSums.Flip(b), y.Scale, y.Zero + flip, min + flip, max + flip);
        var ratios = default(AddDyadic.Grids);
        if (dyadic && !AddDyadic.Grids.TryOf((double)a.Scale / y.Scale, grids.ZeroA, (double)b.Scale / y.Scale, grids.ZeroB, grids.Zero, grids.Min, grids.Max, out ratios)) yield break;
        long bytes = ChannelsLastEncoding.Of(y).StorageBytes(n.Out(0));
        yield return new Candidate(dyadic ? "add-dyadic-u8" : "add-u8", _ => dyadic ? BindAdd(bytes, ratios) : BindAdd(bytes, grids))
        {
            Accepts = [ChannelsLastEncoding.Of(a), ChannelsLastEncoding.Of(b)],
            Produces = ChannelsLastEncoding.Of(y),
            FusesEpilogue = true,
            Nanoseconds = bytes * 0.1,
        };
    }

    public IEnumerable<Candidate> GlobalAverage(GlobalAveragePool op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } x || n.OutGrid(0) is not { } y || n.In(0).DType != DType.F32 || n.In(0).Elements == 0) yield break;
        var shape = n.In(0).Shape;
        int batch = shape.Int(0), channels = shape.Int(1), pixels = shape.Count(2, shape.Rank);
        if (pixels > int.MaxValue / 256) yield break;
        yield return new Candidate("global-average-pool-u8", b => BindGlobalAverage(batch, channels, pixels, x, y, b))
        {
            Accepts = [ChannelsLastEncoding.Of(x)],
            Produces = ChannelsLastEncoding.Of(y),
            Nanoseconds = n.In(0).Elements / Rates.BytesPerNanosecond,
        };
    }

    private static StepFn BindMax(int batch, int channels, Window3 window) => (in StepContext c) => PoolU8.Max(c.Workers, batch, channels, window, c.InPointer(0), c.OutPointer(0));

    private static StepFn BindAdd(long bytes, AddU8.Grids grids) => (in StepContext c) => AddU8.Run(c.Workers, c.InPointer(0), c.InPointer(1), c.OutPointer(0), bytes, grids);

    private static StepFn BindAdd(long bytes, AddDyadic.Grids grids) => (in StepContext c) => AddDyadic.Run(c.Workers, c.InPointer(0), c.InPointer(1), c.OutPointer(0), bytes, grids);

    private StepFn BindGlobalAverage(int batch, int channels, int pixels, WireQuantization x, WireQuantization y, BindContext b)
    {
        int padded = ChannelsLast.Padded(channels), work = b.Work(4L * (padded + 16)), zero = x.Zero + ChannelSums.Flip(x);
        var means = new ChannelSums(y, (double)x.Scale / pixels, channels, dyadic);
        return (in StepContext c) =>
        {
            var store = means.Codes(c.OutPointer(0), padded);
            for (int i = 0; i < batch; i++)
            {
                c.Work<int>(work).Fill(-zero * pixels);
                PoolU8.SumTable.Best(c.InPointer(0) + (nint)i * pixels * padded, padded, pixels, channels, (int*)c.WorkPointer(work));
                store.Store((int*)c.WorkPointer(work), 0, i, 1, 0, channels);
            }
        };
    }

    // Codes with one scale, or one an output channel.
    private static Quantized? Weight(NodeTypes n) => n.Weights[1] is Quantized { Bits: 8, Table: null, Minimum: null, DType: DType.F32 } w && (w.Granularity == Granularity.Tensor || w.Granularity == Granularity.Channel && w.Axis == 0) ? w : null;

    // Less their zero points all codes are s8.
    private static bool FitsCodes(Quantized w)
    {
        int flip = w.Signed ? 0 : 128, inner = w.Codes.Shape.Count / Math.Max(1, w.Shape.Int(0)), at = 0;
        int[] zeros = QuantizedZeros.Of(w);
        var codes = w.Codes.Bytes;
        for (int c = 0; c < w.Shape.Int(0); c++, at += inner)
        {
            int zero = zeros[zeros.Length == 1 ? 0 : c];
            for (int i = 0; zero != flip && i < inner; i++)
                if ((w.Signed ? (sbyte)codes[at + i] : codes[at + i]) - zero is < sbyte.MinValue or > sbyte.MaxValue) return false;
        }
        return true;
    }

    /// <summary>True when nothing but clamps follows.</summary>
    public static bool Clamps(NodeTypes n) => n.Node.Epilogue.All(e => ChannelSums.TryBounds(e, out _, out _));

    /// <summary>True without a bias, or with one that can become a constant a channel.</summary>
    public static bool IsBias(NodeTypes n, long channels) => !n.Has(2) || n.Weights[2] is not null && n.In(2).DType == DType.F32 && n.In(2).Elements == channels;
}
