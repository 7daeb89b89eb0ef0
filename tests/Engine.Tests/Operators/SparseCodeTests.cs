using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.LinearPlans;

namespace Engine.Tests;

/// <summary>Products of 8-bit codes with weights whose zeros lie anywhere, or in blocks, against the masked dense ones.</summary>
public unsafe class SparseCodeTests
{
    private readonly Random _random = new(11);

    /// <summary>Codes [n, k] of which a part is not zero, in blocks of 8 × 4 or anywhere; some rows have none.</summary>
    private sbyte[] Codes(int n, int k, bool blocks, double kept)
    {
        sbyte[] codes = new sbyte[n * k];
        bool[] block = [.. Enumerable.Range(0, (n + 7) / 8 * ((k + 3) / 4)).Select(_ => _random.NextDouble() < kept)];
        for (int r = 0; r < n; r++)
            for (int i = 0; i < k; i++)
                if (blocks ? block[r / 8 * ((k + 3) / 4) + i / 4] : r % 9 != 4 && _random.NextDouble() < kept) codes[r * k + i] = (sbyte)_random.Next(-128, 128);
        return codes;
    }

    [Theory]
    [InlineData(1, 70, 257, false, 0.1)]
    [InlineData(1, 16, 5000, false, 0.01)]
    [InlineData(3, 33, 64, true, 0.3)]
    [InlineData(21, 150, 130, false, 0.5)]
    [InlineData(65, 133, 391, true, 0.2)]
    [InlineData(130, 40, 1030, false, 0.05)]
    [InlineData(5, 9, 7, false, 1)]
    [InlineData(2, 20, 12, true, 0)]
    public void Sums_are_exactly_those_of_masked_dense_codes(int m, int n, int k, bool blocks, double kept)
    {
        sbyte[] w = Codes(n, k, blocks, kept);
        byte[] a = new byte[m * k], dense = new byte[GemmU8S8.PackedLength(k, n)], work = new byte[SpmmU8S8.WorkBytes(m, k)];
        _random.NextBytes(a);
        GemmU8S8.PackB(System.Runtime.InteropServices.MemoryMarshal.AsBytes<sbyte>(w), true, [], k, n, 1, k, dense);
        int count = GemmBlocksU8S8.Blocks(w, k, n), quads = SpmmU8S8.Quads(w, k, n), records = GemvCsrU8S8.Records(w, k, n);
        byte[] packedBlocks = new byte[GemmBlocksU8S8.PackedLength(n, count)], packedQuads = new byte[SpmmU8S8.PackedLength(k, n, quads)], packedRecords = new byte[GemvCsrU8S8.PackedLength(n, records)];
        int[] expected = new int[m * n], actual = new int[m * n];
        fixed (byte* x = a, d = dense, b = packedBlocks, q = packedQuads, r = packedRecords, t = work)
        fixed (int* e = expected, y = actual)
        {
            GemmBlocksU8S8.PackB(w, k, n, count, b);
            SpmmU8S8.PackB(w, k, n, quads, q);
            GemvCsrU8S8.PackB(w, k, n, records, r);
            foreach (bool signed in (bool[])[false, true])
            {
                var rows = new GemmU8S8.Rows(x, signed, 3, k, 1);
                GemmU8S8.Run(Workers.Single, m, n, k, rows, d, new Int32Store(e, n));
                foreach (int threads in (int[])[1, 3])
                {
                    using var workers = new Workers(threads);
                    var store = new Int32Store(y, n);
                    Array.Clear(actual);
                    GemmBlocksU8S8.Run(workers, m, n, k, rows, b, store);
                    Assert.Equal(expected, actual);
                    Array.Clear(actual);
                    SpmmU8S8.Run(workers, m, n, k, rows, q, t, store);
                    Assert.Equal(expected, actual);
                    Array.Clear(actual);
                    GemvCsrU8S8.Run(workers, m, n, k, rows, r, store);
                    Assert.Equal(expected, actual);
                }
            }
        }
    }

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() * 2 - 1;
        return t;
    }

    /// <summary>A sparse weight of 8-bit codes, its rows scaled, and the same with its zeros.</summary>
    private (Weight Sparse, Quantized Dense) Weights(int n, int k, bool blocks, double kept)
    {
        sbyte[] codes = Codes(n, k, blocks, kept);
        var all = Tensor.Allocate(DType.F32, new Shape(n, k));
        for (int i = 0; i < codes.Length; i++) all.Span<float>()[i] = codes[i];
        Weight form = blocks ? SparseBlocks.From(new Dense(all), 8, 4) : SparseCsr.From(new Dense(all));
        var values = (form is SparseCsr c ? c.Values : ((SparseBlocks)form).Values).ToF32();
        var stored = Tensor.Allocate(DType.U8, new Shape(values.Shape.Elements));
        for (int i = 0; i < values.Shape.Count; i++) stored.Bytes[i] = (byte)(sbyte)values.Span<float>()[i];
        var q = new Quantized(values.Shape, 8, stored, Granularity.Tensor, new Dense(Tensor.Vector(1f)), signed: true);
        var row = F32(n);
        Weight sparse = form is SparseCsr csr ? new SparseCsr(form.Shape, csr.Starts, csr.ColumnIndices, q) : new SparseBlocks(form.Shape, 8, 4, ((SparseBlocks)form).Starts, ((SparseBlocks)form).BlockColumns, q);
        var dense = Tensor.From(new Shape(n, k), codes);
        return (new Scaled(sparse, row), new Quantized(new Shape(n, k), 8, dense, Granularity.Channel, new Dense(row), signed: true, axis: 0));
    }

    [Theory]
    [InlineData(1, 70, 600, false, 0.05, "gemv-csr-u8s8")]
    [InlineData(2, 70, 601, true, 0.1, "gemm-blocks-u8s8")]
    [InlineData(90, 600, 600, false, 0.08, "spmm-u8s8")]
    [InlineData(60, 700, 130, false, 1, "gemm-u8s8")]
    public void With_consent_zeros_are_left_out_where_that_is_faster(int rows, int n, int k, bool blocks, double kept, string stem)
    {
        var (sparse, dense) = Weights(n, k, blocks, kept);
        var (x, bias) = (F32(rows, k), F32(n));
        Assert.Equal(dense.Decode().Span<float>().ToArray(), sparse.Decode().Span<float>().ToArray());
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(Product(dense, rows, k, false, false, bias), [x])[0];
        var (stems, actual) = Plan(Product(sparse, rows, k, false, true, bias), x, 2);
        if (SpmmU8S8.Table.Tier == "avx512vnni") Assert.Equal([stem], stems);
        AssertRounded(expected, actual);
        Assert.Equal(actual.Bytes.ToArray(), Plan(Product(sparse, rows, k, false, true, bias), x, 1).Y.Bytes.ToArray());
        // Without consent activations stay as they are.
        var (float32, exact) = Plan(Product(sparse, rows, k, false, false, bias), x, 2);
        Assert.DoesNotContain("u8s8", Assert.Single(float32), StringComparison.Ordinal);
        AssertEx.Close(expected, exact, 1e-5 * Math.Sqrt(k));
    }

    private static void AssertRounded(Tensor expected, Tensor actual)
    {
        float largest = expected.Span<float>().ToArray().Max();
        for (int i = 0; i < expected.Shape.Count; i++) Assert.InRange(actual.Span<float>()[i], expected.Span<float>()[i] - 0.03f * largest, expected.Span<float>()[i] + 0.03f * largest);
    }

    [Theory]
    [InlineData(1, 70, 600, false, "gemv-csr-u8s8")]
    [InlineData(3, 64, 600, true, "gemm-blocks-u8s8")]
    [InlineData(90, 600, 600, false, "spmm-u8s8")]
    public void Between_wires_of_codes_results_are_those_of_dense_codes_to_the_bit(int rows, int n, int k, bool blocks, string stem)
    {
        var (sparse, dense) = Weights(n, k, blocks, 0.05);
        var x = F32(rows, k);
        var (stems, actual) = Plan(Wires(sparse, rows, k), x, 2);
        var (plain, expected) = Plan(Wires(dense, rows, k), x, 2);
        // Without vectors all sums are in f32.
        if (GemmU8S8.Table.Tier == "scalar") return;
        Assert.Contains(plain, s => s.EndsWith("u8s8", StringComparison.Ordinal));
        if (GemvCsrU8S8.Table.Tier == "avx512" && SpmmU8S8.Table.Tier == "avx512vnni") Assert.Contains(stem, stems);
        Assert.Equal(expected.Bytes.ToArray(), actual.Bytes.ToArray());
        Assert.Contains(expected.Span<float>().ToArray(), v => v != 0);
    }

    [Fact]
    public void A_convolution_of_codes_expands_zeros_that_lie_anywhere()
    {
        const int channels = 32, outputs = 48;
        var (sparse, dense) = Weights(outputs, channels * 9, false, 0.2);
        var scaled = (Scaled)sparse;
        var csr = (SparseCsr)scaled.Inner;
        var shape = new Shape(outputs, channels, 3, 3);
        Weight filters = new Scaled(new SparseCsr(shape, csr.Starts, csr.ColumnIndices, csr.Values), scaled.Row), all = new Quantized(shape, 8, dense.Codes, Granularity.Channel, dense.Scale, signed: true, axis: 0);
        var x = F32(1, channels, 9, 7);
        var (stems, actual) = Plan(Filters(filters), x, 2);
        if (GemmU8S8.Table.Tier == "scalar") return;
        Assert.Contains("conv-u8s8", stems);
        Assert.Equal(Plan(Filters(all), x, 1).Y.Bytes.ToArray(), actual.Bytes.ToArray());
    }

    [Theory]
    [InlineData(false, 0.05, true, "gemv-csr-u8s8")]
    [InlineData(false, 0.1, false, "spmm-u8s8")]
    [InlineData(true, 0.1, true, "gemm-blocks-u8s8")]
    [InlineData(true, 0.2, false, "spmm-u8s8")]
    public void A_convolution_of_single_pixels_leaves_zeros_out(bool blocks, double kept, bool codes, string stem)
    {
        const int channels = 37, outputs = 45;
        var (sparse, dense) = Weights(outputs, channels, blocks, kept);
        var scaled = (Scaled)sparse;
        var shape = new Shape(outputs, channels, 1, 1);
        Weight form = scaled.Inner is SparseCsr c ? new SparseCsr(shape, c.Starts, c.ColumnIndices, c.Values) : new SparseBlocks(shape, 8, 4, ((SparseBlocks)scaled.Inner).Starts, ((SparseBlocks)scaled.Inner).BlockColumns, ((SparseBlocks)scaled.Inner).Values);
        var all = new Quantized(shape, 8, dense.Codes, Granularity.Channel, dense.Scale, signed: true, axis: 0);
        var (x, bias) = (F32(2, channels, 9, 7), F32(outputs));
        var expected = Plan(Pixels(all, codes, bias), x, 1);
        if (GemmU8S8.Table.Tier == "scalar") return;
        var (stems, actual) = Plan(Pixels(new Scaled(form, scaled.Row), codes, bias), x, 3, stem);
        Assert.Contains(stem, stems);
        Assert.Contains("conv-u8s8", expected.Stems);
        Assert.Equal(expected.Y.Bytes.ToArray(), actual.Bytes.ToArray());
        Assert.Contains(actual.Span<float>().ToArray(), v => v != 0);
    }

    private static ModelGraph Pixels(Weight w, bool codes, Tensor bias)
    {
        var q = new QdqGraph(5);
        var x = q.Pair(q.Input(2, w.Shape[1], 9, 7), 1 / 127f, 125);
        var y = q.Node("Conv", [x, new Value("w") { Constant = w }, q.Constant(bias)]);
        q.Graph.Outputs.Add(codes ? q.Pair(y, 0.5f, 128) : y);
        Rewriter.Run(q.Graph, new(new NodeEvaluator(CpuKernels.Standard)), 2);
        return q.Graph;
    }

    private static ModelGraph Wires(Weight w, int rows, int k) => Rounded("Gemm", new() { ["transB"] = 1L }, w, rows, k);

    private static ModelGraph Filters(Weight w) => Rounded("Conv", new() { ["pads"] = new long[] { 1, 1, 1, 1 } }, w, 1, w.Shape[1], 9, 7);

    /// <summary>x, rounded to 8 bits, by w, rounded again.</summary>
    private static ModelGraph Rounded(string op, Dictionary<string, object> attributes, Weight w, params long[] dims)
    {
        var q = new QdqGraph(5);
        var x = q.Pair(q.Input(dims), 1 / 127f, 125);
        q.Graph.Outputs.Add(q.Pair(q.Node(op, [x, new Value("w") { Constant = w }], attributes), 4, 128));
        Rewriter.Run(q.Graph, new(new NodeEvaluator(CpuKernels.Standard)), 2);
        return q.Graph;
    }
}
