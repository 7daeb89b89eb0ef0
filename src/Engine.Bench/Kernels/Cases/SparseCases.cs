using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Products with sparse weights, each beside the dense product of the same weights and tier. Several matrices in turn, together larger than the caches, are read from memory.</summary>
internal static unsafe class SparseCases
{
    public static IEnumerable<KernelFamily> All =>
    [
        new("gemm-nm-u8s8", [GemmNmU8S8.Table, GemmU8S8.Table], "kept x of x m x n x k x matrices",
            ["2x4x1x4096x4096x1", "2x4x1x4096x4096x16", "2x4x64x4096x4096x1", "2x4x128x4096x4096x1", "1x4x64x4096x4096x1", "2x8x64x4096x4096x1", "4x8x64x4096x4096x1"],
            d => Work(Form(d[0], d[1]), d[2], d[3], d[4], d[5]), (d, w) => Codes(Form(d[0], d[1]), d[2], d[3], d[4], d[5], w), Tolerance: 0),
    ];

    /// <summary>The form asked for, or 2:4.</summary>
    private static NmForm Form(int n, int m) => NmForm.All.FirstOrDefault(f => f.N == n && f.M == m) is { N: > 0 } form ? form : new(2, 4);

    // Operations are those of the dense product.
    private static KernelWork Work(NmForm form, int m, int n, int k, int matrices) =>
        new(m == 1 ? null : LimitKind.Int8, m == 1 ? 0 : 2.0 * m * n * k * matrices, matrices * (GemmNmU8S8.PackedLength(form, k, n) + 4.0 * m * n) + (double)m * k);

    /// <summary>Codes [n, k] of which a group keeps as many as the form allows, at random places.</summary>
    private static Tensor Sparse(NmForm form, int seed, int n, int k)
    {
        var t = Operand.Codes(DType.I8, seed, n, k);
        var random = new Random(seed);
        var codes = t.Span<sbyte>();
        for (int at = 0, left = 0; at < codes.Length; at++)
        {
            // Of what is left of a group so many are kept: every choice is as likely.
            int inGroup = at % k % form.M;
            if (inGroup == 0) left = form.N;
            if (random.Next(form.M - inGroup) < left) left--;
            else codes[at] = 0;
        }
        return t;
    }

    private static KernelRun Codes(NmForm form, int m, int n, int k, int matrices, Workers workers)
    {
        Tensor[] weights = [.. Enumerable.Range(0, matrices).Select(i => Sparse(form, i, n, k))];
        Tensor Pack(Tensor w)
        {
            var t = Tensor.Allocate(DType.U8, new Shape(GemmNmU8S8.PackedLength(form, k, n)));
            return GemmNmU8S8.PackB(form, w.Bytes, true, [], k, n, 1, k, t.Bytes) ? t : throw new InvalidOperationException("weights are not of the form");
        }
        Tensor PackDense(Tensor w)
        {
            var t = Tensor.Allocate(DType.U8, new Shape(GemmU8S8.PackedLength(k, n)));
            GemmU8S8.PackB(w.Bytes, true, [], k, n, 1, k, t.Bytes);
            return t;
        }
        Tensor[] packed = [.. weights.Select(Pack)], dense = [.. weights.Select(PackDense)];
        Tensor a = Operand.Codes(DType.U8, 1, m, k), c = Tensor.Allocate(DType.I32, new Shape(m, n));
        return new(() =>
        {
            foreach (var p in packed) GemmNmU8S8.Run(workers, form, m, n, k, new GemmU8S8.Rows(a.Pointer, false, 0, k, 1), p.Pointer, new Int32Store((int*)c.Pointer, n));
        }, () => c, Dense: () =>
        {
            foreach (var p in dense) GemmU8S8.Run(workers, m, n, k, new GemmU8S8.Rows(a.Pointer, false, 0, k, 1), p.Pointer, new Int32Store((int*)c.Pointer, n));
        });
    }
}
