using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products of signs; convolutions leave signs by thresholds, and so do the dense ones of 8-bit codes beside them.</summary>
internal static unsafe class BinaryCases
{
    // The code of 0.
    private const byte Zero = 128;

    public static IEnumerable<KernelFamily> All =>
    [
        new("gemm-binary", [GemmBinary.Table], "m x n x k", ["1024x1024x4096", "1x1024x4096"], d => new(LimitKind.Popcount, 2.0 * d[0] * d[1] * d[2], ((double)d[0] * d[2] + (double)d[1] * d[2]) / 8 + 4.0 * d[0] * d[1]), Product, Tolerance: 0),
        new("conv-binary", [GemmBinary.Table, GemmU8S8.Table], "c x h x w x m x kernel x stride", ["64x56x56x64x3x1", "128x28x28x128x3x1", "256x14x14x256x3x1", "512x7x7x512x3x1", "64x56x56x128x3x2"],
            d => Work(CodeCases.Shape(d)), (d, w) => Conv(CodeCases.Shape(d), w), Tolerance: 0),
    ];

    private static KernelWork Work(in ConvShape s) =>
        new(LimitKind.Popcount, s.Operations, ((double)s.Channels * s.Window.Inputs + (double)s.OutChannels * s.GroupChannels * s.Window.Taps + (double)s.OutChannels * s.Window.Outputs) / 8);

    // Words whose surplus bits are zero.
    private static Tensor Signs(int seed, int rows, int columns)
    {
        int words = ConvBinary.WordsOf(columns);
        var t = Tensor.Allocate(DType.U64, new Shape(rows, words));
        new Random(seed).NextBytes(t.Bytes);
        var w = t.Span<ulong>();
        for (int i = words - 1; columns % 64 != 0 && i < w.Length; i += words) w[i] &= (1ul << columns % 64) - 1;
        return t;
    }

    private static Tensor Packed(ConvBinary conv, Tensor weights)
    {
        var packed = Tensor.Allocate(DType.U8, new Shape(conv.PackedBytes));
        conv.Pack(weights.Span<ulong>(), packed.Bytes);
        return packed;
    }

    private static KernelRun Product(int[] d, Workers workers)
    {
        var (m, n, k) = (d[0], d[1], d[2]);
        var conv = ConvBinary.Product(m, n, k);
        Tensor x = Signs(1, m, k), packed = Packed(conv, Signs(2, n, k)), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes)), y = Tensor.Allocate(DType.I32, new Shape(m, n));
        return new(() => conv.Run(workers, (ulong*)x.Pointer, packed.Pointer, work.Pointer, new ChannelSumStore((int*)y.Pointer, n)), () => y);
    }

    private static KernelRun Conv(ConvShape s, Workers workers)
    {
        var conv = new ConvBinary(s);
        int depth = s.GroupChannels * s.Window.Taps, words = ConvBinary.WordsOf(s.OutChannels), padded = SignStore.Padded(s.OutChannels);
        Tensor x = Signs(1, s.Window.Inputs, s.Channels), weights = Signs(2, s.OutChannels, depth), packed = Packed(conv, weights), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes));
        Tensor y = Tensor.Allocate(DType.U64, new Shape(s.Window.Outputs, words)), terms = Tensor.Allocate(DType.I32, new Shape(2, padded));
        SignStore.Terms(new int[s.OutChannels], new bool[s.OutChannels], terms.Span<int>());
        var store = new SignStore((ulong*)y.Pointer, words, (int*)terms.Pointer, padded);
        return new(() => conv.Run(workers, (ulong*)x.Pointer, packed.Pointer, work.Pointer, store), () => y, Dense: Dense(s, workers, x, weights, store));
    }

    private static Action Dense(ConvShape s, Workers workers, Tensor signs, Tensor weights, SignStore store)
    {
        var conv = new ConvU8S8(s);
        int padded = ChannelsLast.Padded(s.Channels), depth = s.GroupChannels * s.Window.Taps;
        Tensor x = Codes(signs, s.Window.Inputs, s.Channels, padded, Zero), w = Codes(weights, s.OutChannels, depth, depth, 0);
        Tensor packed = Tensor.Allocate(DType.I8, new Shape(conv.PackedLength)), starts = Tensor.Allocate(DType.I32, new Shape(conv.PaddedColumns)), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes));
        conv.Pack(w.Bytes, true, [0], packed.Span<sbyte>());
        conv.Starts(packed.Span<sbyte>(), Zero, [], starts.Span<int>());
        return () => conv.Run((in GemmU8S8.Tile t) => GemmU8S8.Table.Best(t), workers, x.Pointer, Zero, (sbyte*)packed.Pointer, (int*)starts.Pointer, work.Pointer, store);
    }

    // Codes of −1 and +1 around a zero point.
    private static Tensor Codes(Tensor signs, int rows, int columns, int stride, byte zero)
    {
        var t = Tensor.Allocate(DType.U8, new Shape(rows, stride));
        t.Bytes.Clear();
        int words = ConvBinary.WordsOf(columns);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) t.Bytes[r * stride + c] = (byte)(zero + 1 - 2 * (int)(signs.Span<ulong>()[r * words + c / 64] >> c % 64 & 1));
        return t;
    }
}
