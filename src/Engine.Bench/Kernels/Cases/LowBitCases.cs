using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products with weights of 2 to 8 bits in groups. Several matrices in turn, together larger than the caches, are read from memory.</summary>
internal static unsafe class LowBitCases
{
    // Peers quantize activations in groups of their own.
    private const double Rounded = 2e-2;

    private static readonly IKernelTable[] s_helpers = [QuantizeRows.Table, LowBitGemv.Table, LowBitExpand.Table, LowBitTile.Table, LowBitTile.Table8, LowBitDecode.Table, GemmF32.Table];

    public static IEnumerable<KernelFamily> All =>
    [
        new("lowbit-gemv", First(LowBitGemv.Table), "bits x group x n x k x matrices", [
            "4x32x4096x4096x1", "4x32x4096x4096x32", "4x32x4096x11008x1", "4x32x4096x11008x12", "4x128x4096x4096x1", "3x32x4096x4096x1", "2x256x4096x4096x1", "2x256x4096x4096x64", "8x32x4096x4096x1", "8x32x4096x4096x16"],
            d => Work(null, d[0], d[1], 1, d[2], d[3], d[4]), (d, workers) => Int8(d[0], d[1], 1, d[2], d[3], d[4], workers), Tolerance: 0, PeerTolerance: Rounded),
        new("lowbit-tile", First(LowBitTile.Table), "bits x group x m x n x k", ["4x32x64x4096x4096", "4x32x512x4096x4096", "4x32x4x4096x4096", "2x256x64x4096x4096"],
            d => Work(LimitKind.Int8, Math.Min(4, d[0]), d[1], d[2], d[3], d[4], 1), (d, workers) => Int8(Math.Min(4, d[0]), d[1], d[2], d[3], d[4], 1, workers), Tolerance: 0, PeerTolerance: Rounded),
        new("lowbit-tile8", First(LowBitTile.Table8), "group x m x n x k", ["32x64x4096x4096", "128x512x4096x4096"],
            d => Work(LimitKind.Int8, 8, d[0], d[1], d[2], d[3], 1), (d, workers) => Int8(8, d[0], d[1], d[2], d[3], 1, workers), Tolerance: 0, PeerTolerance: Rounded),
        new("lowbit-expand", First(LowBitExpand.Table), "bits x group x k", ["4x32x512", "8x32x512", "2x256x512"],
            d => new(null, 0, Layout(d[0], d[1], 32, d[2]).PanelBytes + 32.0 * d[2]), Expand, Tolerance: 0, OneThread: true),
        new("lowbit-decode", First(LowBitDecode.Table), "bits x group x m x n x k", ["4x32x1x4096x4096", "4x32x64x4096x4096", "8x128x1x4096x4096"],
            d => Work(LimitKind.F32, d[0], d[1], d[2], d[3], d[4], 1), F32),
        new("quantize-rows", First(QuantizeRows.Table), "group x k", ["32x4096", "128x11008"], d => new(null, 0, 5.0 * d[1]), Quantize, Tolerance: 0, OneThread: true),
    ];

    private static IKernelTable[] First(IKernelTable table) => [table, .. s_helpers.Where(t => t != table)];

    private static LowBitLayout Layout(int bits, int group, int n, int k) => LowBitPacking.Layout(Weight(bits, group, n, k, 0), false)!.Value;

    private static KernelWork Work(LimitKind? compute, int bits, int group, int m, int n, int k, int matrices)
    {
        // Bits and scales of halves; in f32 where one is for a whole row.
        int block = group % 32 == 0 ? 32 : 16, stored = bits is 2 or 3 or 4 ? bits : 8;
        double weight = (double)n * k * (stored / 8.0 + 2.0 / Math.Max(group, block));
        return new(compute, compute is null ? 0 : 2.0 * m * n * k * matrices, matrices * (weight + 4.0 * m * n) + 4.0 * m * k);
    }

    /// <summary>Codes around the middle, scales that are halves; ternary where there are two bits.</summary>
    private static Quantized Weight(int bits, int group, int n, int k, int seed)
    {
        // Blocks are whole.
        group = (int)Checked.AlignUp(group, 16);
        k = (int)Checked.AlignUp(k, group);
        var random = new Random(seed);
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes((long)n * k, bits)));
        random.NextBytes(codes.Bytes);
        // Pairs of bits 00 become 01.
        if (bits == 2) foreach (ref byte b in codes.Bytes) b |= (byte)(~(b | b >> 1) & 0x55);
        var scales = Operand.Map(Operand.Random(seed + 1, n, k / group), v => (double)(Half)(0.01 * (v + 1)));
        return new(new Shape(n, k), bits, codes, Granularity.Group, new Dense(scales), axis: 1, group: group);
    }

    private static KernelRun Int8(int bits, int group, int m, int n, int k, int matrices, Workers workers)
    {
        Quantized[] weights = [.. Enumerable.Range(0, matrices).Select(i => Weight(bits, group, n, k, i))];
        k = weights[0].Columns;
        var l = LowBitPacking.Layout(weights[0], false)!.Value;
        Tensor[] packed = [.. weights.Select(w => LowBitPacking.Pack(w, false, l))];
        Tensor x = Operand.Random(1, m, k), work = Tensor.Allocate(DType.U8, new Shape(LowBitProduct.WorkBytes(l, m)));
        Tensor[] y = [.. weights.Select(_ => Operand.Zeros(m, n))];
        return new(() =>
        {
            for (int i = 0; i < packed.Length; i++)
                LowBitProduct.RunInt8(workers, l, packed[i].Pointer, m, (float*)x.Pointer, k, null, work.Pointer, (float*)y[i].Pointer, n, default(NoEpilogue));
        }, () => y[0], Peer: Node(x, weights, y[0], 4));
    }

    private static KernelRun F32(int[] d, Workers workers)
    {
        var (bits, m, n) = (d[0], d[2], d[3]);
        var w = Weight(bits, d[1], n, d[4], 0);
        var l = LowBitPacking.Layout(w, false)!.Value;
        Tensor packed = LowBitPacking.Pack(w, false, l), x = Operand.Random(1, m, w.Columns), y = Operand.Zeros(m, n);
        return new(() => LowBitProduct.RunF32(workers, l, packed.Pointer, m, (float*)x.Pointer, w.Columns, 1, (float*)y.Pointer, n, default(NoEpilogue)), () => y, Peer: Node(x, [w], y, 1));
    }

    /// <summary>The products for other engines, which quantize activations too at level 4.</summary>
    private static PeerNode? Node(Tensor x, Quantized[] weights, Tensor y, long level)
    {
        var w = weights[0];
        // The others know no codes of 3 bits.
        if (w.Bits == 3) return null;
        int blocks = w.Columns / w.Group;
        Tensor[] Constants(Quantized q) => [q.Codes.Reshape(new Shape(q.Rows, blocks, q.Group * q.Bits / 8)), q.Scale.ToF32().Reshape(new Shape((long)q.Rows * blocks))];
        return Operand.Node("com.microsoft.MatMulNBits", [x, .. Constants(w)], y, ("N", (long)w.Rows), ("K", (long)w.Columns), ("bits", (long)w.Bits), ("block_size", (long)w.Group), ("accuracy_level", level)) with
        {
            Further = [.. weights.Skip(1).Select(Constants)],
        };
    }

    private static KernelRun Expand(int[] d, Workers workers)
    {
        var w = Weight(d[0], d[1], LowBitLayout.PanelRows, d[2], 0);
        var l = LowBitPacking.Layout(w, false)!.Value;
        int chunk = LowBitExpand.Bytes(l), chunks = (l.Blocks + LowBitExpand.ChunkBlocks - 1) / LowBitExpand.ChunkBlocks;
        Tensor packed = LowBitPacking.Pack(w, false, l), to = Tensor.Allocate(DType.U8, new Shape((long)chunk * chunks));
        return new(() =>
        {
            for (int i = 0; i < chunks; i++)
            {
                int first = i * LowBitExpand.ChunkBlocks;
                LowBitExpand.Table.Best(l, packed.Pointer + LowBitLayout.HeadBytes, first, Math.Min(LowBitExpand.ChunkBlocks, l.Blocks - first), LowBitExpand.At(l, to.Pointer + (nint)i * chunk));
            }
        }, () => to);
    }

    private static KernelRun Quantize(int[] d, Workers workers)
    {
        int group = (int)Checked.AlignUp(d[0], 32), k = (int)Checked.AlignUp(d[1], group);
        Tensor x = Operand.Random(1, k), codes = Tensor.Allocate(DType.I8, new Shape(k)), sums = Tensor.Allocate(DType.I32, new Shape(k / 32));
        return new(() =>
        {
            var quantize = QuantizeRows.Table.Best;
            for (int i = 0; i < k; i += group) quantize((float*)x.Pointer + i, group, group, 32, 8, (sbyte*)codes.Pointer + i, (int*)sums.Pointer + i / 32);
        }, () => codes);
    }
}
