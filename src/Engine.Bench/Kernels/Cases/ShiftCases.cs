using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products and rows whose weights or scales are powers of two, norms of magnitudes, tiles of 3-bit codes.</summary>
internal static unsafe class ShiftCases
{
    public static IEnumerable<KernelFamily> All =>
    [
        // Four groups of channels whose scales halve from one to the next.
        new("gemm-shifted", [GemmU8S8.Table], "m x n x k", ["128x768x768", "1024x1024x1024"],
            d => new(LimitKind.Int8, 2.0 * d[0] * d[1] * d[2], (double)d[0] * d[2] + (double)d[2] * d[1] + 4.0 * d[0] * d[1]), Shifted, Tolerance: 0),
        new("l1-norm-f32", [L1NormF32.Table], "rows x length", ["128x768", "512x1024"], d => new(null, 0, 8.0 * d[0] * d[1]), L1Norm),
        new("log2-softmax-f32", [Log2SoftmaxF32.Table], "rows x length", ["1536x128", "64x1000"], d => new(null, 0, 5.0 * d[0] * d[1]), Softmax, Tolerance: 0.07),
        new("shift-multipliers", [ShiftMultipliers.Table], "n", ["16384", "1048576"], d => new(null, 0, 3.0 * d[0]), (d, _) =>
        {
            Tensor q = Codes(1, d[0]), m = Tensor.Allocate(DType.I16, new Shape(d[0]));
            return new(() => ShiftMultipliers.Table.Best(q.Pointer, (short*)m.Pointer, d[0]), () => m);
        }, Tolerance: 0, OneThread: true),
        new("shift-product", [ShiftProduct.Table, ShiftMultipliers.Table], "heads x rows x keys x width", ["12x128x128x64", "8x512x512x64"],
            d => new(LimitKind.Int8, 2.0 * d[0] * d[1] * d[2] * d[3], d[0] * ((double)d[1] * d[2] + d[2] * d[3] + 4.0 * d[1] * d[3])), Product, Tolerance: 0),
        new("spqr-matvec", [SpqrMatVec.Table], "rows x columns", ["4096x4096", "4096x11008"], d => new(LimitKind.F32, 2.0 * d[0] * d[1], 0.5 * d[0] * d[1]), Spqr),
    ];

    // Exponents 0 to 16.
    private static Tensor Codes(int seed, params ReadOnlySpan<long> dims)
    {
        var t = Operand.Codes(DType.U8, seed, dims);
        foreach (ref byte q in t.Bytes) q = (byte)(q % 17);
        return t;
    }

    private static KernelRun Shifted(int[] d, Workers workers)
    {
        var (m, n, k) = (d[0], d[1], d[2]);
        Tensor a = Operand.Codes(DType.U8, 1, m, k), b = Operand.Codes(DType.I8, 2, k, n), c = Tensor.Allocate(DType.I32, new Shape(m, n));
        var shifts = new byte[k];
        for (int i = 0; i < k; i++) shifts[i] = (byte)(3 - 4 * i / k);
        var groups = new ShiftGroups(shifts, b.Bytes, n);
        var packed = Tensor.Allocate(DType.U8, new Shape(groups.PackedLength(n)));
        groups.Pack(b.Bytes, shifts, n, packed.Bytes);
        return new(() => GemmShifted.Run(workers, m, n, k, a.Pointer, false, 128, groups, packed.Pointer, new Int32Store((int*)c.Pointer, n)), () => c);
    }

    private static KernelRun L1Norm(int[] d, Workers workers)
    {
        var (rows, length) = (d[0], d[1]);
        Tensor x = Operand.Random(1, rows, length), y = Operand.Zeros(rows, length), scale = Operand.Map(Operand.Zeros(length), _ => 1), bias = Operand.Zeros(length);
        return new(() => L1NormF32.Run(workers, rows, length, (float*)x.Pointer, (float*)scale.Pointer, (float*)bias.Pointer, 1e-5f, (float*)y.Pointer), () => y);
    }

    private static KernelRun Softmax(int[] d, Workers workers)
    {
        var (rows, length) = (d[0], d[1]);
        Tensor x = Operand.Map(Operand.Random(1, rows, length), v => 8 * v), q = Tensor.Allocate(DType.U8, new Shape(rows, length));
        return new(() => Log2SoftmaxF32.Run(workers, rows, length, (float*)x.Pointer, q.Pointer), () => q);
    }

    private static KernelRun Product(int[] d, Workers workers)
    {
        var (heads, rows, keys, width) = (d[0], d[1], d[2], d[3]);
        Tensor q = Codes(1, heads, rows, keys), v = Operand.Codes(DType.I8, 2, heads, keys, width), y = Tensor.Allocate(DType.I32, new Shape(heads, rows, width));
        var packed = Tensor.Allocate(DType.I16, new Shape(ShiftProduct.PackedLength(heads, keys, width)));
        return new(() => ShiftProduct.Run(workers, heads, rows, width, keys, q.Pointer, (sbyte*)v.Pointer, (short*)packed.Pointer, new Int32Store((int*)y.Pointer, width)), () => y);
    }

    private static KernelRun Spqr(int[] d, Workers workers)
    {
        var (rows, columns) = (d[0], d[1]);
        int across = (columns + 15) / 16;
        var words = Operand.Codes(DType.U64, 1, (rows + 15) / 16, across, 16);
        // Parameters 0.01, −2, 1 and −1.
        ulong parameters = 0;
        foreach (float p in (ReadOnlySpan<float>)[-1, 1, -2, 0.01f]) parameters = parameters << 16 | BitConverter.HalfToUInt16Bits((Half)p);
        var w = words.Span<ulong>();
        for (int i = 0; i < w.Length; i++) w[i] = w[i] & ((1UL << 54) - 1) | (i % 16 < 8 ? (parameters >> (8 * (i % 16)) & 0xff) << 54 : 0);
        Tensor x = Operand.Random(2, columns), y = Operand.Zeros(rows), work = Operand.Zeros(SpqrMatVec.WorkLength(columns));
        return new(() => SpqrMatVec.Run(workers, rows, columns, (ulong*)words.Pointer, (float*)x.Pointer, (float*)work.Pointer, (float*)y.Pointer), () => y);
    }
}
