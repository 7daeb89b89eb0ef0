using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Convolutions of kept channels to kept filters, beside all filters and zeros afterwards; and the moves of channels that they need.</summary>
internal static unsafe class MaskedCases
{
    private const int Block = ConvBlocked.Block;

    public static IEnumerable<KernelFamily> All =>
    [
        new("blocked-select", [BlockedSelect.Table], "c x h x w x percent kept", ["128x28x28x50", "256x14x14x25"], d => new(null, 0, 4.0 * d[1] * d[2] * (d[0] + (double)Kept(d[0], d[3]))), (d, w) => Select(d, w), Tolerance: 0),
        new("conv-masked", [ConvBlocked.Table, BlockedSelect.Table], "c x h x w x m x kernel x percent of inputs x percent of filters",
            [.. from layer in (string[])["128x28x28x128x3", "256x14x14x256x3"] from kept in (string[])["100x100", "100x75", "100x50", "100x25", "75x75", "50x50", "25x25"] select $"{layer}x{kept}"],
            Work, (d, w) => Convolution(d, w), Tolerance: 1e-4),
    ];

    private static ConvShape Shape(int[] d) => new(1, d[0], d[3], 1, ConvCases.Square(d[1], d[2], d[4], 1));

    private static int Kept(int channels, int percent) => Math.Max(1, channels * Math.Min(100, percent) / 100);

    // Any of them, rising.
    private static Tensor List(int seed, int channels, int percent)
    {
        var order = Enumerable.Range(0, channels).ToArray();
        new Random(seed).Shuffle(order);
        return Tensor.Vector<int>([.. order.Take(Kept(channels, percent)).Order()]);
    }

    private static KernelWork Work(int[] d)
    {
        var s = Shape(d);
        double inputs = Kept(d[0], d[5]), outputs = Kept(d[3], d[6]), taps = s.Window.Taps;
        return new(LimitKind.F32, 2 * inputs * outputs * taps * s.Window.Outputs, 4 * (inputs * s.Window.Inputs + inputs * outputs * taps + outputs * s.Window.Outputs));
    }

    private static KernelRun Select(int[] d, Workers workers)
    {
        int pixels = d[1] * d[2], kept = Kept(d[0], d[3]);
        Tensor x = Operand.Random(1, ConvCases.BlockedChannels(d[0]) * pixels), y = Operand.Zeros(ConvCases.BlockedChannels(kept) * pixels), list = List(3, d[0], d[3]);
        Tensor pieces = Operand.Zeros((long)kept * sizeof(BlockedSelect.Piece) / sizeof(float)), starts = Tensor.Allocate(DType.I32, new Shape(kept / Block + 2));
        BlockedSelect.Plan((int*)list.Pointer, kept, BlockedSelect.Steps.Blocked(pixels), (BlockedSelect.Piece*)pieces.Pointer, (int*)starts.Pointer);
        return new(() => BlockedSelect.Run(BlockedSelect.Table.Best, workers, (float*)x.Pointer, Block, (BlockedSelect.Piece*)pieces.Pointer, (int*)starts.Pointer, (kept + Block - 1) / Block, null, pixels, (float*)y.Pointer, BlockedSelect.Steps.Blocked(pixels)),
            () => y);
    }

    private static KernelRun Convolution(int[] d, Workers workers)
    {
        var s = Shape(d);
        Tensor image = ConvCases.Image(s), x = ConvCases.ToBlocked(image, s), w = ConvCases.Weights(s), y = Operand.Zeros(ConvCases.BlockedChannels(s.OutChannels) * s.Window.Outputs), ins = List(4, s.Channels, d[5]), outs = List(5, s.OutChannels, d[6]);
        Tensor packed = Operand.Zeros(ConvBlocked.PackedLength(s, false)), work = Operand.Zeros(ConvMasked.WorkFloats(s)), direct = Operand.Zeros(Math.Max(1, ConvBlocked.WorkFloats(s, false)));
        ConvBlocked.Pack(workers, s, false, w.Span<float>(), packed.Span<float>());
        Tensor? winograd = null;
        if (ConvWinograd.Supports(s))
        {
            winograd = Operand.Zeros(ConvWinograd.PackedLength(s));
            ConvWinograd.Pack(workers, s, (float*)w.Pointer, (float*)winograd.Pointer);
            direct = Operand.Zeros(Math.Max(1, ConvWinograd.WorkFloats(s)));
        }
        ConvMasked.Sample Sample() => new()
        {
            X = (float*)x.Pointer,
            Packed = (float*)packed.Pointer,
            Y = (float*)y.Pointer,
            Inputs = (int*)ins.Pointer,
            Outputs = (int*)outs.Pointer,
            InputCount = ins.Shape.Count,
            OutputCount = outs.Shape.Count,
        };
        return new(() => ConvMasked.Gathered(ConvBlocked.Table.Best, BlockedSelect.Table.Best, workers, s, Sample(), (float*)work.Pointer), () => ConvCases.FromBlocked(y, s),
            Dense: () => ConvMasked.Masked(ConvBlocked.Table.Best, BlockedSelect.Table.Best, workers, s, Sample(), winograd is null ? null : (float*)winograd.Pointer, (float*)direct.Pointer, (float*)work.Pointer));
    }
}
