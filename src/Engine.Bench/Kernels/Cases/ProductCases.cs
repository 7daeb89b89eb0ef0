using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products of matrices, and attention, which is two of them.</summary>
internal static unsafe class ProductCases
{
    public static IEnumerable<KernelFamily> All =>
    [
        new("gemm-f32", [GemmF32.Table], "m x n x k", ["1024x1024x1024", "256x256x256", "128x768x768", "128x3072x768", "1x4096x4096", "1x1000x2048"],
            d => new(LimitKind.F32, 2.0 * d[0] * d[1] * d[2], 4.0 * ((double)d[0] * d[2] + (double)d[2] * d[1] + (double)d[0] * d[1])), GemmF32Run),
        new("gemm-u8s8", [GemmU8S8.Table], "m x n x k", ["1024x1024x1024", "128x768x768", "128x3072x768", "3136x64x576", "1x4096x4096"],
            d => new(LimitKind.Int8, 2.0 * d[0] * d[1] * d[2], (double)d[0] * d[2] + (double)d[2] * d[1] + 4.0 * d[0] * d[1]), GemmU8S8Run, Tolerance: 0),
        new("gemm-bf16", [GemmBf16.Table], "m x n x k", ["1024x1024x1024", "128x768x768", "128x3072x768"],
            d => new(LimitKind.Bf16, 2.0 * d[0] * d[1] * d[2], 2.0 * ((double)d[0] * d[2] + (double)d[2] * d[1]) + 4.0 * d[0] * d[1]), GemmBf16Run),
        new("attention-f32", [AttentionF32.Table, GemmF32.Table], "heads x rows x keys x width", ["12x128x128x64", "8x512x512x64", "12x1x512x64"],
            d => new(LimitKind.F32, 4.0 * d[0] * d[1] * d[2] * d[3], 8.0 * d[0] * d[3] * (d[1] + d[2])), Attention),
        new("retroactive-attention-f32", [RetroactiveF32.Table], "heads x window x width", ["8x64x16", "8x120x32", "8x512x64"],
            d => new(LimitKind.F32, 8.0 * d[0] * d[1] * d[2], 20.0 * d[0] * d[1] * d[2]), Retroactive),
    ];

    private static KernelRun GemmF32Run(int[] d, Workers workers)
    {
        var (m, n, k) = (d[0], d[1], d[2]);
        Tensor a = Operand.Random(1, m, k), b = Operand.Random(2, k, n), c = Operand.Zeros(m, n), packed = Operand.Zeros(GemmF32.PackedLength(k, n));
        GemmF32.Pack(workers, k, n, (float*)b.Pointer, n, 1, (float*)packed.Pointer);
        return new(() => GemmF32.Run(workers, m, n, k, (float*)a.Pointer, k, 1, (float*)packed.Pointer, (float*)c.Pointer, n, default(NoEpilogue)), () => c, Peer: Operand.Node("MatMul", [a, b], c));
    }

    private static KernelRun GemmU8S8Run(int[] d, Workers workers)
    {
        var (m, n, k) = (d[0], d[1], d[2]);
        Tensor a = Operand.Codes(DType.U8, 1, m, k), b = Operand.Codes(DType.I8, 2, k, n), c = Tensor.Allocate(DType.I32, new Shape(m, n));
        var packed = Tensor.Allocate(DType.U8, new Shape(GemmU8S8.PackedLength(k, n)));
        GemmU8S8.PackB(b.Bytes, true, [], k, n, n, 1, packed.Bytes);
        return new(() => GemmU8S8.Run(workers, m, n, k, new GemmU8S8.Rows(a.Pointer, false, 0, k, 1), packed.Pointer, new Int32Store((int*)c.Pointer, n)), () => c, Peer: Operand.Node("MatMulInteger", [a, b], c));
    }

    private static KernelRun GemmBf16Run(int[] d, Workers workers)
    {
        var (m, n, k) = (d[0], d[1], d[2]);
        Tensor a = Operand.Bf16(1, m, k), b = Operand.Bf16(2, k, n), c = Operand.Zeros(m, n);
        var packed = Tensor.Allocate(DType.BF16, new Shape(GemmBf16.PackedLength(k, n)));
        GemmBf16.PackB(b.Span<BFloat16>(), k, n, n, 1, packed.Span<BFloat16>());
        return new(() => GemmBf16.Run(workers, m, n, k, (BFloat16*)a.Pointer, k, 1, (BFloat16*)packed.Pointer, null, new F32RowStore((float*)c.Pointer, n)), () => c, Peer: Operand.Node("MatMul", [a, b], c));
    }

    private static KernelRun Attention(int[] d, Workers workers)
    {
        var (heads, rows, keys, width) = (d[0], d[1], d[2], d[3]);
        Tensor q = Operand.Random(1, 1, rows, heads * width), k = Operand.Random(2, 1, keys, heads * width), v = Operand.Random(3, 1, keys, heads * width);
        Tensor y = Operand.Zeros(1, rows, heads * width), packed = Operand.Zeros(AttentionF32.PackedLength(1, heads, keys, width, width));
        var kernel = new AttentionF32(1, heads, rows, keys, width, width, 1 / MathF.Sqrt(width));
        // Heads side by side, as products leave them.
        HeadRows Heads(Tensor t) => new((float*)t.Pointer, 0, width, (nint)heads * width);
        return new(() => kernel.Run(workers, new AttentionOperands { Q = Heads(q), K = Heads(k), V = Heads(v), Y = Heads(y) }, (float*)packed.Pointer), () => y, Operand.Node("com.microsoft.MultiHeadAttention", [q, k, v], y, ("num_heads", (long)heads)));
    }

    // A window of frames that are all the same, which another one leaves as it is.
    private static KernelRun Retroactive(int[] d, Workers workers)
    {
        var (heads, window, width) = (d[0], d[1], d[2]);
        Tensor q = Operand.Random(1, heads, width), k = Operand.Random(2, heads, width), v = Operand.Random(3, heads, width), y = Operand.Zeros(heads, window, width);
        Tensor past = Operand.Zeros(heads, window, RetroactiveF32.FrameLength(width, width)), rows = Tensor.Allocate(DType.F64, new Shape(heads, window, RetroactiveF32.RowNumbers)), next = Tensor.Allocate(DType.I64, new Shape(1));
        var kernel = new RetroactiveF32(1, heads, 1, window, width, width, 1 / MathF.Sqrt(width));
        HeadRows Heads(Tensor t, int frames) => new((float*)t.Pointer, 0, (nint)frames * width, width);
        void Step()
        {
            kernel.Run(workers, new RetroactiveOperands { Q = Heads(q, 1), K = Heads(k, 1), V = Heads(v, 1), Y = Heads(y, window), Past = (float*)past.Pointer, Rows = (double*)rows.Pointer, Next = (long*)next.Pointer });
            (*(long*)next.Pointer)++;
        }

        for (int i = 0; i < window; i++) Step();
        return new(Step, () => y);
    }
}
