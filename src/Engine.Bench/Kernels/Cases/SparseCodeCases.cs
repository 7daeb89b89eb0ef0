using System.Runtime.InteropServices;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products of 8-bit codes with weights whose zeros lie anywhere, or in blocks, each beside the dense product of the same weights and tier.</summary>
internal static unsafe class SparseCodeCases
{
    private const string Axes = "percent kept x m x n x k";

    public static IEnumerable<KernelFamily> All =>
    [
        new("gemm-blocks-u8s8", [GemmBlocksU8S8.Table, GemmU8S8.Table], Axes, ["10x1x4096x4096", "30x1x4096x4096", "10x64x4096x4096", "30x64x4096x4096"], Work, Blocks, Tolerance: 0),
        new("spmm-u8s8", [SpmmU8S8.Table, GemmU8S8.Table], Axes, ["10x16x4096x4096", "10x64x4096x4096", "20x64x4096x4096", "10x128x4096x4096"], Work, Quads, Tolerance: 0),
        new("gemv-csr-u8s8", [GemvCsrU8S8.Table, GemmU8S8.Table], Axes, ["5x1x4096x4096", "10x1x4096x4096", "30x1x4096x4096", "10x16x4096x4096"], Work, Records, Tolerance: 0),
    ];

    // Operations are those of the dense product.
    private static KernelWork Work(int[] d) => new(d[1] == 1 ? null : LimitKind.Int8, d[1] == 1 ? 0 : 2.0 * d[1] * d[2] * d[3], 2.0 * d[2] * d[3] * Math.Min(100, d[0]) / 100 + d[1] * (4.0 * d[2] + d[3]));

    /// <summary>Codes [n, k] of which so many percent are kept, in blocks of 8 × 4 or anywhere.</summary>
    private static Tensor Codes(int percent, int n, int k, bool blocks)
    {
        var t = Operand.Codes(DType.I8, 3, n, k);
        var random = new Random(3);
        bool[] kept = [.. Enumerable.Range(0, blocks ? (n + 7) / 8 * ((k + 3) / 4) : n * k).Select(_ => random.Next(100) < percent)];
        for (int i = 0; i < n * k; i++)
            if (!kept[blocks ? i / k / 8 * ((k + 3) / 4) + i % k / 4 : i]) t.Span<sbyte>()[i] = 0;
        return t;
    }

    private static KernelRun Run(int[] d, bool blocks, Workers workers, Func<Tensor, int, int, Tensor> pack, Action<GemmU8S8.Rows, Tensor, Int32Store> run)
    {
        var (m, n, k) = (d[1], d[2], d[3]);
        Tensor codes = Codes(d[0], n, k, blocks), packed = pack(codes, k, n), dense = Tensor.Allocate(DType.U8, new Shape(GemmU8S8.PackedLength(k, n))), a = Operand.Codes(DType.U8, 1, m, k), c = Tensor.Allocate(DType.I32, new Shape(m, n));
        GemmU8S8.PackB(codes.Bytes, true, [], k, n, 1, k, dense.Bytes);
        var (rows, store) = (new GemmU8S8.Rows(a.Pointer, false, 0, k, 1), new Int32Store((int*)c.Pointer, n));
        return new(() => run(rows, packed, store), () => c, Dense: () => GemmU8S8.Run(workers, m, n, k, rows, dense.Pointer, store));
    }

    private static Tensor Bytes(long count) => Tensor.Allocate(DType.U8, new Shape(count));

    private static KernelRun Blocks(int[] d, Workers workers) => Run(d, true, workers, (codes, k, n) =>
    {
        int blocks = GemmBlocksU8S8.Blocks(codes.Span<sbyte>(), k, n);
        var t = Bytes(GemmBlocksU8S8.PackedLength(n, blocks));
        GemmBlocksU8S8.PackB(codes.Span<sbyte>(), k, n, blocks, t.Pointer);
        return t;
    }, (rows, packed, store) => GemmBlocksU8S8.Run(workers, d[1], d[2], d[3], rows, packed.Pointer, store));

    private static KernelRun Quads(int[] d, Workers workers)
    {
        var work = Bytes(SpmmU8S8.WorkBytes(d[1], d[3]));
        return Run(d, false, workers, (codes, k, n) =>
        {
            int quads = SpmmU8S8.Quads(codes.Span<sbyte>(), k, n);
            var t = Bytes(SpmmU8S8.PackedLength(k, n, quads));
            SpmmU8S8.PackB(codes.Span<sbyte>(), k, n, quads, t.Pointer);
            return t;
        }, (rows, packed, store) => SpmmU8S8.Run(workers, d[1], d[2], d[3], rows, packed.Pointer, work.Pointer, store));
    }

    private static KernelRun Records(int[] d, Workers workers) => Run(d, false, workers, (codes, k, n) =>
    {
        int records = GemvCsrU8S8.Records(codes.Span<sbyte>(), k, n);
        var t = Bytes(GemvCsrU8S8.PackedLength(n, records));
        GemvCsrU8S8.PackB(codes.Span<sbyte>(), k, n, records, t.Pointer);
        return t;
    }, (rows, packed, store) => GemvCsrU8S8.Run(workers, d[1], d[2], d[3], rows, packed.Pointer, store));
}
