using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Bit-sliced convolutions of signs, planes to planes, and the kernels that move planes.</summary>
internal static unsafe class SlicedCases
{
    private const int Block = BitPlanes.BlockPixels;

    public static IEnumerable<KernelFamily> All =>
    [
        new("bit-transpose", [BitTranspose.Table], "squares of eight", ["64"], d => new(null, 0, 8192.0 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Codes(DType.U8, 1, d[0], Block / 8 * BitTranspose.Size), y = x.Clone();
            return new(() =>
            {
                x.Bytes.CopyTo(y.Bytes);
                for (int i = 0; i < d[0]; i++) BitTranspose.Table.Best(y.Pointer + i * (nint)(Block / 8 * BitTranspose.Size));
            }, () => y);
        }, Tolerance: 0, OneThread: true),
        // Planes to planes: the taps' planes are made in the time measured. As many images as leave hardly a pixel of the last block.
        new("conv-binary-fr", [ConvBinaryFr.Table, PlaneTaps.Table], "images x c x h x w x m x kernel x channels a set",
            ["8x64x56x56x64x3x4", "15x128x28x28x128x3x5", "13x256x14x14x256x3x6", "1x64x56x56x64x3x4"],
            d => Work(Shape(d)), (d, w) => Signs(new(Shape(d), true), SlicedExecution.Fr, SlicedProgram.PackFr(Weights(Shape(d), 50), d[5] * d[5], Math.Min(6, d[6])), w), Tolerance: 0),
        // A random tree: every channel differs from an earlier one in so many percent of its signs.
        new("conv-binary-mst", [ConvBinaryMst.Table, PlaneTaps.Table], "images x c x h x w x m x kernel x percent",
            [.. from layer in (string[])["8x64x56x56x64x3", "15x128x28x28x128x3", "13x256x14x14x256x3"] from percent in (string[])["10", "20", "30"] select $"{layer}x{percent}"],
            d => Work(Shape(d)), (d, w) => Signs(new(Shape(d), true), SlicedExecution.Mst, SlicedProgram.PackMst(SpanningTree.Of(Weights(Shape(d), Math.Min(50, d[6]))), d[5] * d[5]), w), Tolerance: 0),
        new("plane-sums", [PlaneSums.Table], "blocks x bits", ["64x13"], d => new(null, 0, d[0] * (64.0 * d[1] + 4 * Block)), (d, _) =>
        {
            int bits = Math.Clamp(d[1], 1, PlaneSums.MostBits);
            Tensor x = Operand.Codes(DType.U8, 1, d[0], bits * Block / 8), y = Tensor.Allocate(DType.I32, new Shape(d[0], Block)), classes = Tensor.Allocate(DType.I32, new Shape(Block)), offsets = Tensor.Allocate(DType.I32, new Shape(PlaneSums.OffsetLanes));
            for (int p = 0; p < Block; p++) classes.Span<int>()[p] = p % 9;
            offsets.Span<int>().Fill(576);
            return new(() =>
            {
                for (int i = 0; i < d[0]; i++) PlaneSums.Table.Best(x.Pointer + i * (nint)(bits * Block / 8), bits, 100, (int*)classes.Pointer, (int*)offsets.Pointer, 9, (int*)y.Pointer + i * (nint)Block);
            }, () => y);
        }, Tolerance: 0, OneThread: true),
        new("plane-taps", [PlaneTaps.Table], "channels", ["64", "256"], d => new(null, 0, 640.0 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Codes(DType.U8, 1, d[0] + 2, Block / 8), masks = Operand.Codes(DType.U8, 2, 9, Block / 8), y = Tensor.Allocate(DType.U8, new Shape(d[0], 9, Block / 8)), shifts = Tensor.Allocate(DType.I64, new Shape(9));
            for (int t = 0; t < 9; t++) shifts.Span<long>()[t] = (t / 3 - 1) * 28 + t % 3 - 1;
            return new(() => PlaneTaps.Table.Best(x.Pointer + Block / 8, Block / 8, d[0], (long*)shifts.Pointer, 9, masks.Pointer, y.Pointer), () => y);
        }, Tolerance: 0, OneThread: true),
    ];

    /// <summary>Images x c x h x w x m x kernel.</summary>
    public static ConvShape Shape(int[] d) => new(d[0], d[1], d[4], 1, ConvCases.Square(d[2], d[3], d[5] | 1, 1));

    private static KernelWork Work(in ConvShape s) => new(null, s.Operations, (s.Batch * ((double)s.Channels * s.Window.Inputs + (double)s.OutChannels * s.Window.Outputs) + (double)s.OutChannels * s.Channels * s.Window.Taps) / 8);

    /// <summary>Rows that differ from an earlier one in so many percent of their columns; at 50 any signs.</summary>
    public static Binary Weights(in ConvShape s, int percent)
    {
        int columns = s.Channels * s.Window.Taps, words = (columns + 63) / 64;
        var random = new Random(2);
        var t = Tensor.Allocate(DType.U64, new Shape(s.OutChannels, words));
        t.Bytes.Clear();
        var w = t.Span<ulong>();
        var order = Enumerable.Range(0, columns).ToArray();
        for (int r = 0; r < s.OutChannels; r++)
        {
            if (r > 0) w.Slice(random.Next(r) * words, words).CopyTo(w[(r * words)..]);
            random.Shuffle(order);
            foreach (int k in order.AsSpan(0, columns * (r == 0 ? 50 : percent) / 100)) w[r * words + k / 64] ^= 1ul << (k % 64);
        }
        return new(new Shape(s.OutChannels, s.Channels, s.Window.H.Kernel, s.Window.W.Kernel), t);
    }

    private static KernelRun Signs(SlicedWindow window, SlicedExecution execution, Tensor packed, Workers workers)
    {
        var conv = new ConvBinarySliced(window, execution, packed);
        var s = window.Shape;
        Tensor x = Operand.Codes(DType.U8, 3, BitPlanes.Bytes(window.Pixels, s.Channels)), y = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(window.Pixels, s.OutChannels)));
        Tensor thresholds = SlicedThresholds.Pack(window, conv.Program, new int[s.OutChannels], new bool[s.OutChannels]);
        y.Bytes.Clear();
        return new(() => conv.ToPlanes(workers, x.Pointer, (uint*)thresholds.Pointer, y.Pointer), () => y);
    }
}
