using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Convolutions and pools of one picture, padded to keep their size but for the stride.</summary>
internal static unsafe class ConvCases
{
    private const string Axes = "c x h x w x m x kernel x stride", DepthwiseAxes = "c x h x w x kernel x stride";

    private static readonly string[] Shapes = ["64x56x56x64x3x1", "128x28x28x128x3x1", "512x7x7x512x3x1", "256x56x56x64x1x1", "128x56x56x128x3x2", "3x224x224x64x7x2"];
    private static readonly string[] DepthwiseShapes = ["32x112x112x3x1", "96x112x112x3x2", "384x14x14x3x1"];

    public static IEnumerable<KernelFamily> All =>
    [
        new("conv-blocked", [ConvBlocked.Table], Axes, Shapes, d => Work(Shape(d)), (d, w) => Blocked(Shape(d), w)),
        new("conv-winograd", [ConvWinograd.InputTable, ConvWinograd.OutputTable, ConvBlocked.Table], Axes, ["64x56x56x64x3x1", "128x28x28x128x3x1", "512x7x7x512x3x1"],
            d => Work(Shape(d)), (d, w) => Winograd(Shape(d), w), Tolerance: 1e-4),
        new("conv-f32", [GemmF32.Table], Axes, Shapes, d => Work(Shape(d)), (d, w) => Plain(Shape(d), w)),
        new("conv-1d-f32", [GemmF32.Table], "length x m x kernel x stride", ["640x258x256x128", "1040x258x256x64"], d => Work(Signal(d)), (d, w) => OneAxis(Signal(d), w)),
        new("conv-depthwise-blocked", [ConvDepthwiseBlocked.Table], DepthwiseAxes, DepthwiseShapes, d => Work(Depthwise(d)), (d, w) => DepthwiseBlocked(Depthwise(d), w)),
        new("conv-depthwise-f32", [ConvDepthwiseF32.Table], DepthwiseAxes, DepthwiseShapes, d => Work(Depthwise(d)), (d, w) => DepthwisePlain(Depthwise(d), w)),
        new("fold-max-f32", [FoldRows.Max], DepthwiseAxes, ["64x112x112x3x2", "480x14x14x3x1"], Pooled, (d, w) => PoolPlain(PoolBlocked.Kind.Max, "MaxPool", Depthwise(d), w), Tolerance: 0),
        new("fold-sum-f32", [FoldRows.Sum], DepthwiseAxes, ["64x112x112x3x2", "480x14x14x3x1"], Pooled, (d, w) => PoolPlain(PoolBlocked.Kind.Average, "AveragePool", Depthwise(d), w)),
        new("max-pool-blocked", [FoldRows.Max], DepthwiseAxes, ["64x112x112x3x2"], Pooled, (d, w) => MaxPool(Depthwise(d), w), Tolerance: 0),
    ];

    private static ConvShape Shape(int[] d) => new(1, d[0], d[3], 1, Square(d[1], d[2], d[4], d[5]));

    private static ConvShape Depthwise(int[] d) => new(1, d[0], d[0], d[0], Square(d[1], d[2], d[3], d[4]));

    private static ConvShape Signal(int[] d) => new(1, 1, d[1], 1, new(WindowDim.One, WindowDim.One, new(d[0], (d[0] - d[2]) / d[3] + 1, d[2], d[3], 1, 0, 0)));

    internal static Window3 Square(int h, int w, int kernel, int stride)
    {
        WindowDim Dim(int n) => new(n, (n + 2 * (kernel / 2) - kernel) / stride + 1, kernel, stride, 1, kernel / 2, kernel / 2);
        return new(WindowDim.One, Dim(h), Dim(w));
    }

    /// <summary>What a convolution does.</summary>
    internal static KernelWork Work(in ConvShape s) =>
        new(LimitKind.F32, s.Operations, 4.0 * ((double)s.Channels * s.Window.Inputs + (double)s.OutChannels * s.GroupChannels * s.Window.Taps + (double)s.OutChannels * s.Window.Outputs));

    private static KernelWork Pooled(int[] d)
    {
        var s = Depthwise(d);
        return new(null, 0, 4.0 * s.Channels * ((double)s.Window.Inputs + s.Window.Outputs));
    }

    internal static Tensor Image(in ConvShape s) => Operand.Random(1, 1, s.Channels, s.Window.H.Input, s.Window.W.Input);

    internal static Tensor Weights(in ConvShape s) => Operand.Random(2, s.OutChannels, s.GroupChannels, s.Window.H.Kernel, s.Window.W.Kernel);

    private static Tensor Output(in ConvShape s) => Operand.Zeros(1, s.OutChannels, s.Window.H.Output, s.Window.W.Output);

    internal static long BlockedChannels(int channels) => (channels + ConvBlocked.Block - 1) / ConvBlocked.Block * ConvBlocked.Block;

    internal static Tensor ToBlocked(Tensor x, in ConvShape s)
    {
        var y = Operand.Zeros(BlockedChannels(s.Channels) * s.Window.Inputs);
        BlockedConvert.ToBlocked(Workers.Single, x.Span<float>(), 1, s.Channels, s.Window.Inputs, ConvBlocked.Block, y.Span<float>());
        return y;
    }

    internal static Tensor FromBlocked(Tensor y, in ConvShape s)
    {
        var plain = Output(s);
        BlockedConvert.FromBlocked(Workers.Single, y.Span<float>(), 1, s.OutChannels, s.Window.Outputs, ConvBlocked.Block, plain.Span<float>());
        return plain;
    }

    private static long[] Kernel(in ConvShape s) => [s.Window.H.Kernel, s.Window.W.Kernel];

    private static long[] Strides(in ConvShape s) => [s.Window.H.Stride, s.Window.W.Stride];

    private static long[] Pads(in ConvShape s) => [s.Window.H.Pad, s.Window.W.Pad, s.Window.H.PadEnd, s.Window.W.PadEnd];

    private static PeerNode Node(in ConvShape s, Tensor image, Tensor w) =>
        Operand.Node("Conv", [image, w], Output(s), ("kernel_shape", Kernel(s)), ("strides", Strides(s)), ("pads", Pads(s)), ("group", (long)s.Group));

    internal static KernelRun Blocked(ConvShape s, Workers workers, Tensor? weights = null)
    {
        bool plain = s.Channels < ConvBlocked.Block;
        Tensor image = Image(s), x = plain ? image : ToBlocked(image, s), w = weights ?? Weights(s), y = Operand.Zeros(BlockedChannels(s.OutChannels) * s.Window.Outputs);
        Tensor packed = Operand.Zeros(ConvBlocked.PackedLength(s, plain)), work = Operand.Zeros(Math.Max(1, ConvBlocked.WorkFloats(s, plain)));
        ConvBlocked.Pack(workers, s, plain, w.Span<float>(), packed.Span<float>());
        return new(() => ConvBlocked.Run(workers, s, plain, (float*)x.Pointer, (float*)packed.Pointer, null, (float*)y.Pointer, (float*)work.Pointer, default), () => FromBlocked(y, s), Peer: Node(s, image, w));
    }

    internal static KernelRun Winograd(ConvShape s, Workers workers, Tensor? weights = null)
    {
        Tensor image = Image(s), x = ToBlocked(image, s), w = weights ?? Weights(s), y = Operand.Zeros(BlockedChannels(s.OutChannels) * s.Window.Outputs);
        Tensor packed = Operand.Zeros(ConvWinograd.PackedLength(s)), work = Operand.Zeros(ConvWinograd.WorkFloats(s));
        ConvWinograd.Pack(workers, s, (float*)w.Pointer, (float*)packed.Pointer);
        return new(() => ConvWinograd.Run(workers, s, (float*)x.Pointer, (float*)packed.Pointer, null, (float*)y.Pointer, (float*)work.Pointer, default), () => FromBlocked(y, s), Peer: Node(s, image, w));
    }

    private static KernelRun Plain(ConvShape s, Workers workers)
    {
        Tensor x = Image(s), w = Weights(s), y = Output(s), work = Operand.Zeros(ConvF32.WorkFloats(s));
        return new(() => ConvF32.Run(workers, s, (float*)x.Pointer, (float*)w.Pointer, null, (float*)y.Pointer, (float*)work.Pointer, default), () => y, Peer: Node(s, x, w));
    }

    private static KernelRun OneAxis(ConvShape s, Workers workers)
    {
        var v = s.Window.W;
        Tensor x = Operand.Random(1, 1, 1, v.Input), w = Operand.Random(2, s.OutChannels, 1, v.Kernel), y = Operand.Zeros(1, s.OutChannels, v.Output);
        Tensor packed = Operand.Zeros(Conv1dF32.PackedLength(s)), work = Operand.Zeros(Conv1dF32.WorkFloats(s));
        Conv1dF32.Pack(workers, s, (float*)w.Pointer, (float*)packed.Pointer);
        return new(() => Conv1dF32.Run(workers, s, (float*)x.Pointer, (float*)packed.Pointer, null, (float*)y.Pointer, (float*)work.Pointer, default), () => y,
            Peer: Operand.Node("Conv", [x, w], y, ("kernel_shape", new long[] { v.Kernel }), ("strides", new long[] { v.Stride })));
    }

    private static KernelRun DepthwiseBlocked(ConvShape s, Workers workers)
    {
        Tensor image = Image(s), x = ToBlocked(image, s), w = Weights(s), y = Operand.Zeros(BlockedChannels(s.OutChannels) * s.Window.Outputs), packed = Operand.Zeros(ConvDepthwiseBlocked.PackedLength(s));
        ConvDepthwiseBlocked.Pack(s, w.Span<float>(), packed.Span<float>());
        return new(() => ConvDepthwiseBlocked.Run(ConvDepthwiseBlocked.Table.Best, workers, s, (float*)x.Pointer, (float*)packed.Pointer, null, (float*)y.Pointer, default), () => FromBlocked(y, s), Peer: Node(s, image, w));
    }

    private static KernelRun DepthwisePlain(ConvShape s, Workers workers)
    {
        Tensor x = Image(s), w = Weights(s), y = Output(s);
        return new(() => ConvDepthwiseF32.Run(workers, s, (float*)x.Pointer, (float*)w.Pointer, null, (float*)y.Pointer, default), () => y, Peer: Node(s, x, w));
    }

    private static PeerNode Pool(string op, in ConvShape s, Tensor image) => Operand.Node(op, [image], Output(s), ("kernel_shape", Kernel(s)), ("strides", Strides(s)), ("pads", Pads(s)));

    private static KernelRun PoolPlain(PoolBlocked.Kind kind, string op, ConvShape s, Workers workers)
    {
        Tensor x = Image(s), y = Output(s);
        return new(() => PoolF32.Run(workers, kind, s.Channels, s.Window, (float*)x.Pointer, (float*)y.Pointer), () => y, Peer: Pool(op, s, x));
    }

    private static KernelRun MaxPool(ConvShape s, Workers workers)
    {
        Tensor image = Image(s), x = ToBlocked(image, s), y = Operand.Zeros(BlockedChannels(s.OutChannels) * s.Window.Outputs);
        int planes = (int)(BlockedChannels(s.Channels) / ConvBlocked.Block);
        return new(() => PoolBlocked.Run(workers, PoolBlocked.Kind.Max, planes, s.Window, (float*)x.Pointer, (float*)y.Pointer), () => FromBlocked(y, s), Peer: Pool("MaxPool", s, image));
    }
}
