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
        new("gemm-nm-f32", [GemmNmF32.Table, GemmF32.Table], "kept x of x m x n x k", ["2x4x1x4096x4096", "2x4x64x4096x4096", "2x4x128x4096x4096", "4x8x64x4096x4096"],
            d => WorkF32(FormF32(d[0], d[1]), d[2], d[3], d[4]), (d, w) => F32(FormF32(d[0], d[1]), d[2], d[3], d[4], w)),
        new("spmm-f32", [SpmmF32.Table, GemmF32.Table], "kept x of x m x n x k", ["2x4x64x4096x4096", "2x4x128x4096x4096", "10x100x64x4096x4096", "50x100x64x4096x4096"],
            d => new(LimitKind.F32, 2.0 * d[2] * d[3] * d[4], 6.0 * d[3] * d[4] * Math.Min(1, (double)d[0] / d[1]) + 4.0 * d[2] * ((double)d[3] + d[4])), (d, w) => Spmm(new(Math.Min(d[0], d[1]), d[1]), d[2], d[3], d[4], w)),
        new("gemv-nm-int4", [NmInt4Gemv.Table, LowBitGemv.Table, QuantizeRows.Table], "group x n x k x matrices", ["32x4096x4096x1", "32x4096x4096x32", "128x4096x4096x1", "128x4096x4096x32"],
            d => new(null, 0, d[3] * (double)d[1] * d[2] * (3.0 / 8 + 2.0 / Math.Max(32, d[0])) + 4.0 * d[1] * d[3] + 4.0 * d[2]), Int4),
        new("gemm-blocks-f32", [GemmBlocksF32.Table, GemmF32.Table], "percent kept x m x n x k", ["10x1x4096x4096", "30x1x4096x4096", "50x1x4096x4096", "10x64x4096x4096", "30x64x4096x4096", "50x64x4096x4096"],
            d => new(d[1] == 1 ? null : LimitKind.F32, d[1] == 1 ? 0 : 2.0 * d[1] * d[2] * d[3], 4.0 * d[2] * d[3] * Math.Min(100, d[0]) / 100 + 4.0 * d[1] * ((double)d[2] + d[3])), Blocks),
        new("csr-matvec", [GemmF32.Table], "percent kept x m x n x k", ["2x1x4096x4096", "5x1x4096x4096", "10x1x4096x4096", "20x1x4096x4096", "2x64x4096x4096"],
            d => new(null, 0, 6.0 * d[2] * d[3] * Math.Min(100, d[0]) / 100 + 4.0 * d[1] * ((double)d[2] + d[3])), Csr),
        new("conv-nm-u8s8", [GemmNmU8S8.Table, GemmU8S8.Table, RequantizeU8.Table], "kept x of x c x h x w x m x kernel x stride",
            ["2x4x64x56x56x64x3x1", "2x4x64x56x56x256x1x1", "2x4x256x56x56x64x1x1", "2x4x128x28x28x128x3x1", "2x4x512x28x28x128x1x1", "2x4x256x14x14x256x3x1", "2x4x1024x14x14x256x1x1", "2x4x512x7x7x512x3x1", "2x4x2048x7x7x512x1x1"],
            d => CodeCases.Work(ConvShape(d)), (d, w) => Conv(Form(d[0], d[1]), ConvShape(d), w), Tolerance: 0),
        new("conv-spmm-f32", [SpmmF32.Table, ConvBlocked.Table, ConvWinograd.InputTable, ConvWinograd.OutputTable], "kept x of x c x h x w x m x kernel x stride",
            ["2x4x64x56x56x64x3x1", "2x4x64x56x56x256x1x1", "2x4x256x56x56x64x1x1", "10x100x64x56x56x64x3x1", "10x100x256x56x56x64x1x1", "10x100x256x14x14x256x3x1", "10x100x512x7x7x512x3x1"],
            d => ConvCases.Work(ConvShape(d)), (d, w) => ConvF32(new(Math.Min(d[0], d[1]), d[1]), ConvShape(d), w), Tolerance: 1e-4),
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

    private static NmForm FormF32(int n, int m) => Form(n, m) is var form && GemmNmF32.Supports(form) ? form : new(2, 4);

    private static KernelWork WorkF32(NmForm form, int m, int n, int k) => new(m == 1 ? null : LimitKind.F32, m == 1 ? 0 : 2.0 * m * n * k, 4.0 * GemmNmF32.PackedLength(form, k, n) + 4.0 * m * ((double)n + k));

    private static KernelRun F32(NmForm form, int m, int n, int k, Workers workers)
    {
        Tensor codes = Sparse(form, 0, n, k), w = Operand.Zeros(n, k), a = Operand.Random(1, m, k), c = Operand.Zeros(m, n);
        for (int i = 0; i < w.Shape.Count; i++) w.Span<float>()[i] = codes.Span<sbyte>()[i] / 128f;
        Tensor packed = Operand.Zeros(GemmNmF32.PackedLength(form, k, n)), dense = Operand.Zeros(GemmF32.PackedLength(k, n));
        GemmNmF32.PackB(form, (float*)w.Pointer, k, n, 1, k, (float*)packed.Pointer);
        GemmF32.Pack(workers, k, n, (float*)w.Pointer, 1, k, (float*)dense.Pointer);
        return new(() => GemmNmF32.Run(workers, form, m, n, k, (float*)a.Pointer, k, (float*)packed.Pointer, (float*)c.Pointer, n, default(NoEpilogue)), () => c,
            Dense: () => GemmF32.Run(workers, m, n, k, (float*)a.Pointer, k, 1, (float*)dense.Pointer, (float*)c.Pointer, n, default(NoEpilogue)));
    }

    private static KernelRun Spmm(NmForm form, int m, int n, int k, Workers workers)
    {
        Tensor codes = Sparse(form, 0, n, k), w = Operand.Zeros(n, k), a = Operand.Random(1, m, k), c = Operand.Zeros(m, n);
        for (int i = 0; i < w.Shape.Count; i++) w.Span<float>()[i] = codes.Span<sbyte>()[i] / 128f;
        Tensor packed = Tensor.Allocate(DType.U8, new Shape(SpmmF32.PackedLength(k, n, SpmmF32.Records((float*)w.Pointer, k, n, 1, k)))), work = Tensor.Allocate(DType.U8, new Shape(SpmmF32.WorkBytes(m, k)));
        SpmmF32.PackB((float*)w.Pointer, k, n, 1, k, packed.Pointer);
        return Dense(w, m, n, k, workers, a, c, () => SpmmF32.Run(workers, m, n, k, (float*)a.Pointer, k, packed.Pointer, work.Pointer, (float*)c.Pointer, n, default(NoEpilogue)))
            with
        { Peer = Operand.Node("MatMul", [a, Columns(w)], c) };
    }

    /// <summary>A weight [n, k] as the second operand of a product.</summary>
    private static Tensor Columns(Tensor w)
    {
        int n = (int)w.Shape[0], k = (int)w.Shape[1];
        var t = Tensor.Allocate(DType.F32, new Shape(k, n));
        Span<float> from = w.Span<float>(), to = t.Span<float>();
        for (int i = 0; i < from.Length; i++) to[i % k * n + i / k] = from[i];
        return t;
    }

    // Channels in whole groups.
    private static ConvShape ConvShape(int[] d) => CodeCases.Shape([.. ((int[])[(int)Checked.AlignUp(d[2], 16), .. d[3..]])]);

    private static KernelRun Conv(NmForm form, ConvShape s, Workers workers)
    {
        Tensor flat = Sparse(form, 2, s.OutChannels * s.Window.Taps, s.Channels), w = Tensor.Allocate(DType.I8, new Shape(s.OutChannels, s.Channels, s.Window.Taps));
        for (int o = 0; o < s.OutChannels; o++)
            for (int t = 0; t < s.Window.Taps; t++)
                for (int c = 0; c < s.Channels; c++) w.Bytes[(o * s.Channels + c) * s.Window.Taps + t] = flat.Bytes[(o * s.Window.Taps + t) * s.Channels + c];
        var sparse = CodeCases.Dense(s, workers, form, w);
        var dense = CodeCases.Dense(s, workers, null, w, sparse.Result());
        return new(sparse.Run, sparse.Result, Dense: dense.Run);
    }

    private static KernelRun ConvF32(NmForm form, ConvShape s, Workers workers)
    {
        var conv = new ConvSpmmF32(s);
        int n = s.OutChannels, k = conv.Depth;
        Tensor codes = Sparse(form, 2, n, k), w = ConvCases.Weights(s), x = ConvCases.Image(s), y = Operand.Zeros(1, n, s.Window.H.Output, s.Window.W.Output), work = Operand.Zeros(Math.Max(1, conv.WorkFloats));
        for (int i = 0; i < w.Shape.Count; i++) w.Span<float>()[i] = codes.Span<sbyte>()[i] / 128f;
        Tensor packed = Tensor.Allocate(DType.U8, new Shape(SpmmF32.PackedLength(k, n, SpmmF32.Records((float*)w.Pointer, k, n, 1, k))));
        SpmmF32.PackB((float*)w.Pointer, k, n, 1, k, packed.Pointer);
        var dense = ConvWinograd.Supports(s) ? ConvCases.Winograd(s, workers, w) : ConvCases.Blocked(s, workers, w);
        // The dense result lies in another layout.
        bool isDense = false;
        return new(() =>
        {
            conv.Run(SpmmF32.Table.Best, workers, (float*)x.Pointer, packed.Pointer, null, (float*)y.Pointer, (float*)work.Pointer, default);
            isDense = false;
        }, () => isDense ? dense.Result() : y, Dense: () =>
        {
            dense.Run();
            isDense = true;
        });
    }

    private static KernelRun Int4(int[] d, Workers workers)
    {
        int group = (int)Checked.AlignUp(d[0], 32), n = d[1], k = (int)Checked.AlignUp(d[2], group);
        Quantized Weight(int seed)
        {
            Tensor kept = Sparse(new(2, 4), seed, n, k), codes = Tensor.Allocate(DType.U8, new Shape((long)n * k / 2));
            codes.Bytes.Clear();
            for (int i = 0; i < n * k; i++) BitStream.Set(codes.Bytes, i, 4, kept.Bytes[i] == 0 ? 8 : kept.Bytes[i] & 15);
            var scales = Operand.Map(Operand.Random(seed + 1, n, k / group), v => (double)(Half)(0.01 * (v + 1)));
            return new(new Shape(n, k), 4, codes, Granularity.Group, new Dense(scales), axis: 1, group: group);
        }
        Quantized[] weights = [.. Enumerable.Range(0, d[3]).Select(Weight)];
        SparseNM[] sparse = [.. weights.Select(w => SparseNM.From(w, 2, 4))];
        var (l, dense) = (NmInt4Layout.Of(sparse[0])!.Value, LowBitPacking.Layout(weights[0], false)!.Value);
        Tensor[] packed = [.. sparse.Select(l.Pack)], all = [.. weights.Select(w => LowBitPacking.Pack(w, false, dense))];
        Tensor x = Operand.Random(1, 1, k), y = Operand.Zeros(1, n), work = Tensor.Allocate(DType.U8, new Shape(Math.Max(NmInt4Gemv.WorkBytes(l, 1), LowBitProduct.WorkBytes(dense, 1))));
        return new(() =>
        {
            foreach (var p in packed) NmInt4Gemv.Run(workers, l, p.Pointer, 1, (float*)x.Pointer, k, work.Pointer, (float*)y.Pointer, n, default(NoEpilogue));
        }, () => y, Dense: () =>
        {
            foreach (var p in all) LowBitProduct.RunInt8(workers, dense, p.Pointer, 1, (float*)x.Pointer, k, null, work.Pointer, (float*)y.Pointer, n, default(NoEpilogue));
        });
    }

    private static KernelRun Dense(Tensor w, int m, int n, int k, Workers workers, Tensor a, Tensor c, Action sparse)
    {
        var dense = Operand.Zeros(GemmF32.PackedLength(k, n));
        GemmF32.Pack(workers, k, n, (float*)w.Pointer, 1, k, (float*)dense.Pointer);
        return new(sparse, () => c, Dense: () => GemmF32.Run(workers, m, n, k, (float*)a.Pointer, k, 1, (float*)dense.Pointer, (float*)c.Pointer, n, default(NoEpilogue)));
    }

    private static KernelRun Blocks(int[] d, Workers workers)
    {
        int m = d[1], n = (int)Checked.AlignUp(d[2], 8), k = (int)Checked.AlignUp(d[3], 4), blockRows = n / 8;
        Tensor w = Operand.Zeros(n, k), a = Operand.Random(1, m, k), c = Operand.Zeros(m, n);
        var random = new Random(3);
        var (starts, columns, values) = (new int[blockRows + 1], new List<int>(), new List<float>());
        for (int g = 0; g < blockRows; g++)
        {
            for (int b = 0; b < k / 4; b++)
            {
                if (random.Next(100) >= d[0]) continue;
                columns.Add(b);
                for (int i = 0; i < 32; i++)
                {
                    values.Add(random.NextSingle() - 0.5f);
                    w.Span<float>()[(g * 8 + i % 8) * k + b * 4 + i / 8] = values[^1];
                }
            }
            starts[g + 1] = columns.Count;
        }
        Tensor first = Tensor.Vector<int>(starts), index = Tensor.Vector<int>([.. columns]), packed = Tensor.Vector<float>([.. values]);
        return Dense(w, m, n, k, workers, a, c, () => GemmBlocksF32.Run(workers, m, n, (float*)a.Pointer, k, (int*)first.Pointer, (int*)index.Pointer, (float*)packed.Pointer, (float*)c.Pointer, n, default(NoEpilogue)));
    }

    private static KernelRun Csr(int[] d, Workers workers)
    {
        var (m, n, k) = (d[1], d[2], d[3]);
        Tensor w = Operand.Zeros(n, k), a = Operand.Random(1, m, k), c = Operand.Zeros(m, n);
        var random = new Random(3);
        var (starts, columns, values) = (new int[n + 1], new List<ushort>(), new List<float>());
        for (int r = 0; r < n; r++)
        {
            for (int i = 0; i < k; i++)
            {
                if (random.Next(100) >= d[0]) continue;
                columns.Add((ushort)i);
                values.Add(w.Span<float>()[r * k + i] = random.NextSingle() - 0.5f);
            }
            starts[r + 1] = columns.Count;
        }
        Tensor first = Tensor.Vector<int>(starts), index = Tensor.Vector<ushort>([.. columns]), packed = Tensor.Vector<float>([.. values]);
        return Dense(w, m, n, k, workers, a, c, () => CsrMatVec.Run(workers, m, n, (int*)first.Pointer, index.Pointer, false, (float*)packed.Pointer, (float*)a.Pointer, k, (float*)c.Pointer, n, default(NoEpilogue)));
    }
}
