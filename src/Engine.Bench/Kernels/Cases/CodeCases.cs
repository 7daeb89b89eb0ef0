using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Kernels of channels-last 8-bit codes; pictures are square where one number stands for two.</summary>
internal static unsafe class CodeCases
{
    private const string Axes = "c x h x w x m x kernel x stride";

    public static IEnumerable<KernelFamily> All =>
    [
        new("conv-u8s8", [GemmU8S8.Table, RequantizeU8.Table], Axes,
            ["4x224x224x64x7x2", "64x56x56x64x3x1", "64x56x56x256x1x1", "256x56x56x64x1x1", "128x28x28x128x3x1", "256x14x14x256x3x1", "512x7x7x512x3x1", "24x56x56x144x1x1"], d => Work(Shape(d)), (d, w) => Dense(Shape(d), w), Tolerance: 0),
        new("conv-depthwise-u8s8", [ConvDepthwiseU8S8.Table, RequantizeU8.Table], "c x h x w x kernel x stride", ["32x112x112x3x1", "96x112x112x3x2", "144x56x56x3x1", "576x14x14x3x1", "960x7x7x3x1"],
            d => Work(Depthwise(d)), (d, w) => Depthwise(Depthwise(d), w), Tolerance: 0),
        new("requantize-u8", [RequantizeU8.Table], "pixels x channels", ["112x32"], d => new(null, 0, 5.0 * d[0] * d[1]), Requantize, Tolerance: 0, OneThread: true),
        new("requantize-dyadic-u8", [RequantizeDyadic.Table], "pixels x channels", ["112x32"], d => new(null, 0, 5.0 * d[0] * d[1]), Dyadically, Tolerance: 0, OneThread: true),
        new("add-dyadic-u8", [AddDyadic.Table], "n", ["802816"], d => new(null, 0, 3.0 * d[0]), AddDyadically, Tolerance: 0),
        new("add-u8", [AddU8.Table], "n", ["802816", "50176"], d => new(null, 0, 3.0 * d[0]), Add, Tolerance: 0),
        new("max-pool-u8", [PoolU8.MaxTable], "c x h x w x kernel x stride", ["64x112x112x3x2"], d => new(null, 0, d[0] * ((double)Depthwise(d).Window.Inputs + Depthwise(d).Window.Outputs)), (d, w) => MaxPool(Depthwise(d), w), Tolerance: 0),
        new("sum-u8", [PoolU8.SumTable], "pixels x channels", ["49x2048"], d => new(null, 0, (double)d[0] * d[1]), Sum, Tolerance: 0, OneThread: true),
    ];

    /// <summary>The convolution of an entry.</summary>
    public static ConvShape Shape(int[] d) => new(1, d[0], d[3], 1, Square(d[1], d[2], d[4], d[5]));

    private static ConvShape Depthwise(int[] d) => new(1, d[0], d[0], d[0], Square(d[1], d[2], d[3], d[4]));

    private static Window3 Square(int h, int w, int kernel, int stride)
    {
        WindowDim Dim(int n) => new(n, (n + 2 * (kernel / 2) - kernel) / stride + 1, kernel, stride, 1, kernel / 2, kernel / 2);
        return new(WindowDim.One, Dim(h), Dim(w));
    }

    // Nothing writes what fills the last quad of channels.
    private static Tensor Codes(params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.U8, new Shape(dims));
        t.Bytes.Clear();
        return t;
    }

    /// <summary>What a convolution does.</summary>
    public static KernelWork Work(in ConvShape s) =>
        new(LimitKind.Int8, s.Operations, (double)s.Channels * s.Window.Inputs + (double)s.OutChannels * s.GroupChannels * s.Window.Taps + (double)s.OutChannels * s.Window.Outputs);

    /// <summary>A convolution with the weights given or random ones, sparse of a form or dense, into the result given or its own.</summary>
    public static KernelRun Dense(ConvShape s, Workers workers, NmForm? form = null, Tensor? weights = null, Tensor? result = null)
    {
        if (!ConvU8S8.Supports(s)) throw new UnsupportedException($"conv-u8s8 does not compute {s}");
        var conv = new ConvU8S8(s, form);
        int padded = ChannelsLast.Padded(s.OutChannels);
        Tensor x = Operand.Codes(DType.U8, 1, s.Window.Inputs, ChannelsLast.Padded(s.Channels)), w = weights ?? Operand.Codes(DType.I8, 2, s.OutChannels, s.GroupChannels * s.Window.Taps), y = result ?? Codes(s.Window.Outputs, padded);
        Tensor packed = Tensor.Allocate(DType.I8, new Shape(conv.PackedLength)), starts = Tensor.Allocate(DType.I32, new Shape(conv.PaddedColumns)), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes));
        conv.Pack(w.Bytes, true, [0], packed.Span<sbyte>());
        conv.Starts(packed.Span<sbyte>(), 128, [], starts.Span<int>());
        var r = new Terms(s.OutChannels, 1f / (200 * s.GroupChannels * s.Window.Taps));
        var tile = form is { } f ? ConvU8S8.Tiles((in GemmNmU8S8.Tile t) => GemmNmU8S8.Table.Best(t), f) : (in GemmU8S8.Tile t) => GemmU8S8.Table.Best(t);
        return new(() => conv.Run(tile, workers, x.Pointer, 128, (sbyte*)packed.Pointer, (int*)starts.Pointer, work.Pointer, new CodeStore(RequantizeU8.Table.Best, r.Value, y.Pointer, padded)), () => y);
    }

    private static KernelRun Depthwise(ConvShape s, Workers workers)
    {
        if (!ConvDepthwiseU8S8.Supports(s)) throw new UnsupportedException($"conv-depthwise-u8s8 does not compute {s}");
        var conv = new ConvDepthwiseU8S8(s);
        int padded = ChannelsLast.Padded(s.Channels);
        Tensor x = Operand.Codes(DType.U8, 1, s.Window.Inputs, padded), w = Operand.Codes(DType.I8, 2, s.Channels, s.Window.Taps), y = Codes(s.Window.Outputs, padded);
        Tensor packed = Tensor.Allocate(DType.I16, new Shape(conv.PackedLength)), starts = Tensor.Allocate(DType.I32, new Shape(conv.StartsLength)), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes));
        conv.Pack(w.Bytes, true, [0], packed.Span<short>());
        conv.Starts(packed.Span<short>(), 128, [], starts.Span<int>());
        var r = new Terms(s.Channels, 0.001f);
        return new(() => conv.Run(ConvDepthwiseU8S8.Table.Best, workers, x.Pointer, 128, (short*)packed.Pointer, (int*)starts.Pointer, work.Pointer, new CodeStore(RequantizeU8.Table.Best, r.Value, y.Pointer, padded)), () => y);
    }

    private static KernelRun Requantize(int[] d, Workers workers)
    {
        int stride = (d[1] + 15) / 16 * 16;
        Tensor sums = Operand.Codes(DType.I32, 1, d[0], stride), y = Codes(d[0], d[1]);
        var r = new Terms(d[1], 1e-7f);
        return new(() => RequantizeU8.Table.Best((int*)sums.Pointer, stride, d[0], d[1], r.Value, y.Pointer, d[1]), () => y);
    }

    private static KernelRun Dyadically(int[] d, Workers workers)
    {
        int stride = (d[1] + 15) / 16 * 16;
        var (multiplier, shift) = Dyadic.Of(1e-7);
        Tensor sums = Operand.Codes(DType.I32, 1, d[0], stride), y = Codes(d[0], d[1]), multipliers = Tensor.Allocate(DType.I32, new Shape(stride + 16)), shifts = Tensor.Allocate(DType.I32, new Shape(stride + 16));
        multipliers.Span<int>().Fill(multiplier);
        shifts.Span<int>().Fill(shift);
        return new(() => RequantizeDyadic.Table.Best((int*)sums.Pointer, stride, d[0], d[1], new((int*)multipliers.Pointer, (int*)shifts.Pointer, 128, 0, 255), y.Pointer, d[1]), () => y);
    }

    private static KernelRun AddDyadically(int[] d, Workers workers)
    {
        Tensor a = Operand.Codes(DType.U8, 1, d[0]), b = Operand.Codes(DType.U8, 2, d[0]), y = Tensor.Allocate(DType.U8, new Shape(d[0]));
        AddDyadic.Grids.TryOf(0.5, 128, 0.75, 0, 10, 10, 255, out var grids);
        return new(() => AddDyadic.Run(workers, a.Pointer, b.Pointer, y.Pointer, d[0], grids), () => y);
    }

    private static KernelRun Add(int[] d, Workers workers)
    {
        Tensor a = Operand.Codes(DType.U8, 1, d[0]), b = Operand.Codes(DType.U8, 2, d[0]), y = Tensor.Allocate(DType.U8, new Shape(d[0]));
        return new(() => AddU8.Run(workers, a.Pointer, b.Pointer, y.Pointer, d[0], new(0.02f, 128, 0.03f, 0, 0.04f, 10, 10, 255)), () => y);
    }

    private static KernelRun MaxPool(ConvShape s, Workers workers)
    {
        int padded = ChannelsLast.Padded(s.Channels);
        Tensor x = Operand.Codes(DType.U8, 1, s.Window.Inputs, padded), y = Codes(s.Window.Outputs, padded);
        return new(() => PoolU8.Max(workers, 1, s.Channels, s.Window, x.Pointer, y.Pointer), () => y);
    }

    private static KernelRun Sum(int[] d, Workers workers)
    {
        Tensor x = Operand.Codes(DType.U8, 1, d[0], d[1]), y = Tensor.Allocate(DType.I32, new Shape(d[1]));
        return new(() =>
        {
            y.Bytes.Clear();
            PoolU8.SumTable.Best(x.Pointer, d[1], d[0], d[1], (int*)y.Pointer);
        }, () => y);
    }

    /// <summary>One factor for all channels, no bias.</summary>
    private sealed class Terms
    {
        private readonly Tensor _scale, _offset;

        public Terms(int channels, float scale)
        {
            (_scale, _offset) = (Operand.Zeros(channels + 32), Operand.Zeros(channels + 32));
            _scale.Span<float>().Fill(scale);
        }

        public Requantization Value => new((float*)_scale.Pointer, (float*)_offset.Pointer, 128, 0, 255);
    }
}
