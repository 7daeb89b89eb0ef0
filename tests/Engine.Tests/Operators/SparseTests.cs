using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.LinearPlans;

namespace Engine.Tests;

/// <summary>Products with N:M sparse weights, run without expanding them, against the masked dense ones.</summary>
public unsafe class SparseTests
{
    private readonly Random _random = new(7);

    public static TheoryData<int, int, int, int, int> Products()
    {
        var data = new TheoryData<int, int, int, int, int>();
        int seed = 0;
        foreach (var f in NmForm.All)
            foreach (var (rows, n, k) in ((int, int, int)[])[(1, 70, 257), (5, 33, 64), (29, 100, 130), (100, 16, 48)]) data.Add(f.N, f.M, rows + seed++ % 2, n, k);
        return data;
    }

    /// <summary>True where a group of the row keeps the column.</summary>
    private bool[] Mask(int n, int m, int rows, int columns)
    {
        var mask = new bool[rows * columns];
        for (int r = 0; r < rows; r++)
            for (int g = 0; g < columns; g += m)
                foreach (int p in Enumerable.Range(0, m).OrderBy(_ => _random.Next()).Take(_random.Next(5) == 0 ? n - 1 : n))
                    if (g + p < columns) mask[r * columns + g + p] = true;
        return mask;
    }

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextSingle() * 2 - 1;
        return t;
    }

    private Tensor MaskedF32(int n, int m, int rows, int columns)
    {
        var (t, mask) = (F32(rows, columns), Mask(n, m, rows, columns));
        for (int i = 0; i < mask.Length; i++) if (!mask[i]) t.Span<float>()[i] = 0;
        return t;
    }

    private Quantized MaskedCodes(int n, int m, int rows, int columns, int bits = 8, int group = 0)
    {
        var mask = Mask(n, m, rows, columns);
        byte[] codes = new byte[rows * columns];
        int zero = 1 << bits - 1;
        for (int i = 0; i < codes.Length; i++) codes[i] = (byte)(mask[i] ? _random.Next(1 << bits) : zero);
        var stream = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(codes.Length, bits)));
        stream.Bytes.Clear();
        for (int i = 0; i < codes.Length; i++) BitStream.Set(stream.Bytes, i, bits, codes[i]);
        return new(new Shape(rows, columns), bits, stream, group > 0 ? Granularity.Group : Granularity.Channel, new Dense(group > 0 ? F32(rows, (columns + group - 1) / group) : F32(rows)), axis: group > 0 ? 1 : 0, group: group);
    }

    [Theory, MemberData(nameof(Products))]
    public void Products_of_codes_are_exactly_those_of_masked_dense_codes(int kept, int of, int m, int n, int k)
    {
        var form = new NmForm(kept, of);
        var w = MaskedCodes(kept, of, n, k);
        byte[] a = new byte[m * k];
        _random.NextBytes(a);
        byte[] packed = new byte[GemmNmU8S8.PackedLength(form, k, n)], dense = new byte[GemmU8S8.PackedLength(k, n)];
        Assert.True(GemmNmU8S8.PackB(form, w.Codes.Bytes, false, [128], k, n, 1, k, packed));
        GemmU8S8.PackB(w.Codes.Bytes, false, [128], k, n, 1, k, dense);
        int[] expected = new int[m * n], actual = new int[m * n];
        fixed (byte* x = a, p = packed, d = dense)
        fixed (int* e = expected, y = actual)
        {
            GemmU8S8.Run(Workers.Single, m, n, k, new GemmU8S8.Rows(x, true, 3, k, 1), d, new Int32Store(e, n));
            foreach (int threads in (int[])[1, 3])
            {
                using var workers = new Workers(threads);
                Array.Clear(actual);
                GemmNmU8S8.Run(workers, form, m, n, k, new GemmU8S8.Rows(x, true, 3, k, 1), p, new Int32Store(y, n));
                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void Weights_that_are_not_of_the_form_are_refused()
    {
        byte[] packed = new byte[GemmNmU8S8.PackedLength(new(2, 4), 4, 1)];
        Assert.True(GemmNmU8S8.PackB(new(2, 4), [1, 0, 0, 2], true, [], 4, 1, 1, 4, packed));
        Assert.False(GemmNmU8S8.PackB(new(2, 4), [1, 3, 0, 2], true, [], 4, 1, 1, 4, packed));
        Assert.False(GemmNmU8S8.PackB(new(2, 4), [1, 0, 0, 255], false, [0], 4, 1, 1, 4, packed));
    }

    [Theory]
    [InlineData(2, 4, 1)]
    [InlineData(1, 4, 1)]
    [InlineData(2, 8, 1)]
    [InlineData(4, 8, 1)]
    [InlineData(2, 4, 9)]
    public void Stored_and_restored_weights_are_the_same(int n, int m, int taps)
    {
        const int rows = 5, channels = 22;
        var dense = Tensor.Allocate(DType.F32, new Shape(rows, channels, taps));
        for (int t = 0; t < taps; t++)
        {
            var part = MaskedF32(n, m, rows, channels).Span<float>();
            for (int i = 0; i < part.Length; i++) dense.Span<float>()[i * taps + t] = part[i];
        }
        var w = SparseNM.From(new Dense(dense), n, m, taps);
        Assert.Equal(dense.Bytes.ToArray(), w.Decode().Bytes.ToArray());
        Assert.Equal(taps > 1, w.Describe().Contains("by channel", StringComparison.Ordinal));
        Assert.Throws<InvalidModelException>(() => SparseNM.From(new Dense(F32(rows, channels)), n, m));
    }

    [Theory]
    [InlineData(8, 0)]
    [InlineData(4, 0)]
    [InlineData(4, 32)]
    [InlineData(8, 16)]
    public void Stored_and_restored_codes_are_the_same(int bits, int group)
    {
        var q = MaskedCodes(2, 4, 6, 96, bits, group);
        var w = SparseNM.From(q, 2, 4);
        // Codes of zero may stand for −0.
        Assert.Equal(q.Decode().Span<float>().ToArray(), w.Decode().Span<float>().ToArray());
        Assert.Equal(q.Codes.Bytes.ToArray(), w.ToQuantized()!.Codes.Bytes.ToArray());
        Assert.Equal(q.Decode().Bytes.ToArray(), w.ToQuantized()!.Decode().Bytes.ToArray());
        Assert.True(w.StoredBytes < q.StoredBytes);
    }

    [Theory]
    [InlineData("stored", 2, 4)]
    [InlineData("stored", 4, 8)]
    [InlineData("halves", 2, 4)]
    [InlineData("plain", 1, 4)]
    [InlineData("transposed", 2, 4)]
    public void A_plan_gathers_activations_in_f32(string how, int n, int m)
    {
        const int rows = 5, outputs = 70, k = 250;
        var dense = MaskedF32(n, m, outputs, k);
        Weight w = new Dense(dense);
        if (how == "halves")
        {
            var halves = Tensor.Allocate(DType.F16, dense.Shape);
            for (int i = 0; i < halves.Shape.Count; i++) halves.Span<Half>()[i] = (Half)dense.Span<float>()[i];
            var narrow = SparseNM.From(new Dense(halves), n, m);
            w = new SparseNM(narrow.Shape, n, m, narrow.Positions, narrow.Values, dtype: DType.F32);
            Assert.Equal(DType.F16, ((SparseNM)w).Values.DType);
        }
        else if (how == "stored") w = SparseNM.From(w, n, m);
        else if (how == "transposed")
        {
            var t = Tensor.Allocate(DType.F32, new Shape(k, outputs));
            for (int i = 0; i < outputs; i++) for (int j = 0; j < k; j++) t.Span<float>()[j * outputs + i] = dense.Span<float>()[i * k + j];
            w = new Dense(t);
        }
        var graph = Product(w, rows, k, how == "transposed", false, F32(outputs));
        var x = F32(rows, k);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];
        var (stems, actual) = Plan(graph, x, 1, "gemm-nm-f32");
        Assert.Equal(["gemm-nm-f32"], stems);
        AssertEx.Close(expected, actual, 1e-5 * Math.Sqrt(k));
        Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, 3, "gemm-nm-f32").Y.Bytes.ToArray());
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 30)]
    [InlineData(false, 30)]
    public void With_consent_activations_are_rounded_to_8_bits(bool stored, int rows)
    {
        const int outputs = 70, k = 250;
        var q = MaskedCodes(2, 4, outputs, k);
        Weight w = stored ? SparseNM.From(q, 2, 4) : q;
        var bias = F32(outputs);
        var x = F32(rows, k);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(Product(w, rows, k, false, false, bias), [x])[0];
        var (stems, actual) = Plan(Product(w, rows, k, false, true, bias), x, 2, "gemm-nm-u8s8");
        Assert.Equal(["gemm-nm-u8s8"], stems);
        float largest = expected.Span<float>().ToArray().Max();
        for (int i = 0; i < expected.Shape.Count; i++) Assert.InRange(actual.Span<float>()[i], expected.Span<float>()[i] - 0.03f * largest, expected.Span<float>()[i] + 0.03f * largest);
        Assert.DoesNotContain("gemm-nm-u8s8", Plan(Product(w, rows, k, false, false, bias), x, 1).Stems);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, 5)]
    public void Few_entries_anywhere_run_as_they_are_stored(bool csr, int rows)
    {
        const int outputs = 70, k = 600;
        var starts = new List<int> { 0 };
        var columns = new List<int>();
        // Rows of entries, or of blocks.
        for (int r = 0; r < (csr ? outputs : (outputs + 7) / 8); r++)
        {
            for (int c = 0; c < (csr ? k : k / 4); c++) if (_random.Next(csr ? 50 : 8) == 0) columns.Add(c);
            starts.Add(columns.Count);
        }
        Tensor first = Tensor.Vector<int>([.. starts]), index = Tensor.Vector<int>([.. columns]);
        Weight w = csr ? new SparseCsr(new Shape(outputs, k), first, index, new Dense(F32(columns.Count))) : new SparseBlocks(new Shape(outputs, k), 8, 4, first, index, new Dense(F32(columns.Count, 8, 4)));
        var graph = Product(w, rows, k, false, false, F32(outputs));
        var x = F32(rows, k);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];
        string stem = csr ? "csr-matvec" : "gemm-blocks-f32";
        var (stems, actual) = Plan(graph, x, 1, stem);
        Assert.Equal([stem], stems);
        AssertEx.Close(expected, actual, 1e-5 * Math.Sqrt(k));
        Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, 3, stem).Y.Bytes.ToArray());
    }

    [Theory]
    [InlineData("2:4", 96)]
    [InlineData("2:4", 131)]
    [InlineData("csr", 40)]
    [InlineData("csr", 12)]
    public void Many_rows_meet_entries_one_by_one(string how, int rows)
    {
        const int outputs = 255, k = 510;
        Weight w;
        if (how == "csr")
        {
            var (starts, columns) = (new List<int> { 0 }, new List<int>());
            for (int r = 0; r < outputs; r++)
            {
                // Some rows are empty.
                for (int c = 0; c < k && r % 9 != 4; c++) if (_random.Next(10) == 0) columns.Add(c);
                starts.Add(columns.Count);
            }
            w = new SparseCsr(new Shape(outputs, k), Tensor.Vector<int>([.. starts]), Tensor.Vector<int>([.. columns]), new Dense(F32(columns.Count)));
        }
        else w = SparseNM.From(new Dense(MaskedF32(2, 4, outputs, k)), 2, 4);
        var graph = Product(w, rows, k, false, false, F32(outputs));
        var x = F32(rows, k);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];
        var (stems, actual) = Plan(graph, x, 1, "spmm-f32");
        Assert.Equal(["spmm-f32"], stems);
        AssertEx.Close(expected, actual, 1e-5 * Math.Sqrt(k));
        Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, 3, "spmm-f32").Y.Bytes.ToArray());
    }

    [Fact]
    public void What_was_pruned_meets_no_activation()
    {
        const int rows = 70, outputs = 6, k = 200;
        Tensor w = F32(outputs, k), x = F32(rows, k);
        // The first column of A is full of what does not count, and met by the last output alone.
        for (int o = 0; o < outputs; o++) w.Span<float>()[o * k] = o == outputs - 1 ? 1 : 0;
        for (int i = 0; i < rows; i++) x.Span<float>()[i * k] = i % 2 == 0 ? float.NaN : float.PositiveInfinity;
        byte[] packed = new byte[SpmmF32.PackedLength(k, outputs, SpmmF32.Records((float*)w.Pointer, k, outputs, 1, k))], work = new byte[SpmmF32.WorkBytes(rows, k)];
        float[] y = new float[rows * outputs];
        fixed (byte* p = packed, q = work)
        fixed (float* c = y)
        {
            SpmmF32.PackB((float*)w.Pointer, k, outputs, 1, k, p);
            SpmmF32.Run(Workers.Single, rows, outputs, k, (float*)x.Pointer, k, p, q, c, outputs, default(NoEpilogue));
        }
        for (int i = 0; i < y.Length; i++) Assert.Equal(i % outputs != outputs - 1, float.IsFinite(y[i]));
    }

    [Theory]
    [InlineData(32, 1, 256)]
    [InlineData(64, 3, 250)]
    [InlineData(0, 1, 90)]
    public void Values_of_4_bits_meet_rounded_activations(int group, int rows, int k)
    {
        const int outputs = 70;
        if (group > 0) k = k / group * group;
        var q = MaskedCodes(2, 4, outputs, k, 4, group);
        var w = SparseNM.From(q, 2, 4);
        var (bias, x) = (F32(outputs), F32(rows, k));
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(Product(q, rows, k, false, false, bias), [x])[0];
        var (stems, actual) = Plan(Product(w, rows, k, false, true, bias), x, 2, "gemv-nm-int4");
        Assert.Equal(["gemv-nm-int4"], stems);
        float largest = expected.Span<float>().ToArray().Max();
        for (int i = 0; i < expected.Shape.Count; i++) Assert.InRange(actual.Span<float>()[i], expected.Span<float>()[i] - 0.03f * largest, expected.Span<float>()[i] + 0.03f * largest);
        Assert.Equal(actual.Bytes.ToArray(), Plan(Product(w, rows, k, false, true, bias), x, 1, "gemv-nm-int4").Y.Bytes.ToArray());
    }

    [Fact]
    public void Dense_codes_of_4_bits_take_over_where_2_of_4_is_slower()
    {
        const int rows = 130, outputs = 70, k = 256;
        var q = MaskedCodes(2, 4, outputs, k, 4, 32);
        var w = SparseNM.From(q, 2, 4);
        var (bias, x) = (F32(outputs), F32(rows, k));
        // The same codes, the same rounding: the same bits.
        var dense = Plan(Product(q, rows, k, false, true, bias), x, 1, "lowbit-tile");
        var sparse = Plan(Product(w, rows, k, false, true, bias), x, 1, "lowbit-tile");
        Assert.Equal(["lowbit-tile"], sparse.Stems);
        Assert.Equal(dense.Y.Bytes.ToArray(), sparse.Y.Bytes.ToArray());
        if (NmInt4Gemv.Table.Tier == "scalar") return;
        var step = Assert.Single(Steps(Product(w, rows, k, false, true, bias), x, 1).Steps);
        Assert.NotEqual("gemv-nm-int4", step.Stem);
        if (step.Stem.StartsWith("lowbit", StringComparison.Ordinal)) Assert.Equal("2:4: dense estimated faster", step.FormNotTaken);
    }

    [Fact]
    public void A_plan_says_why_it_does_not_gather()
    {
        string Why(ModelGraph graph, Tensor x) => string.Join(", ", Steps(graph, x, 1).Steps.Select(s => s.FormNotTaken).Where(r => r.Length > 0));
        var (codes, bias) = (SparseNM.From(MaskedCodes(2, 4, 70, 256), 2, 4), F32(70));
        // A form that only products of rounded activations have.
        var wide = SparseNM.From(MaskedCodes(4, 16, 70, 256), 4, 16);
        Assert.Equal("4:16: rounds activations, which needs consent", Why(Product(wide, 30, 256, false, false, bias), F32(30, 256)));
        // Every entry is there: nothing to be gained.
        var csr = new SparseCsr(new Shape(70, 64), Tensor.Vector<int>([.. Enumerable.Range(0, 71).Select(r => 64 * r)]), Tensor.Vector<int>([.. Enumerable.Range(0, 70 * 64).Select(i => i % 64)]), new Dense(F32(70 * 64)));
        if (SpmmF32.Table.Tier != "scalar") Assert.EndsWith(": dense estimated faster", Why(Product(csr, 200, 64, false, false, bias), F32(200, 64)), StringComparison.Ordinal);
        Assert.Equal("", Why(Product(new Dense(F32(70, 64)), 5, 64, false, false, bias), F32(5, 64)));
        if (GemmNmU8S8.Table.Tier != "scalar" && SpmmF32.Table.Tier != "avx2") Assert.Equal("", Why(Product(codes, 30, 256, false, true, bias), F32(30, 256)));
        var (graph, input) = Network(true, true);
        if (GemmNmU8S8.Table.Tier != "scalar") Assert.Equal("2:4 flattened: dense estimated faster", Why(graph, input));
        graph = Network(true, false).Graph;
        if (GemmNmU8S8.Table.Tier != "scalar") Assert.Equal("", Why(graph, input));
    }

    // A convolution, another over a wider window, and a classifier, all sparse along input channels; as stored forms, or as plain codes that have the zeros.
    private static (ModelGraph Graph, Tensor Input) Network(bool stored, bool flattened)
    {
        var q = new QdqGraph(3);
        var pads = new Dictionary<string, object> { ["pads"] = new long[] { 1, 1, 1, 1 } };
        var x = q.Pair(q.Input(1, 16, 9, 7), 0.016f, 125);
        var a = q.Pair(q.Node("Relu", [q.Node("Conv", [x, q.Weight(0, 0.004f, 24, 16, 1, 1), q.Bias(24, 0.0003f)])]), 0.05f, 0);
        var b = q.Pair(q.Node("Relu", [q.Node("Conv", [a, q.Weight(-1, 0.003f, 20, 24, 3, 3), null], pads)]), 0.06f, 0);
        var flat = q.Pair(q.Node("Flatten", [q.Node("GlobalAveragePool", [b])]), 0.03f, 0);
        q.Graph.Outputs.Add(q.Node("Gemm", [flat, q.Weight(0, 0.002f, 30, 20), q.Bias(30, 0.0004f)], new() { ["transB"] = 1L }));
        foreach (var v in q.Graph.Nodes.SelectMany(n => n.Inputs).OfType<Value>())
            if (v.Constant is Dense { Values: { DType: DType.I8, Shape.Rank: >= 2 } codes })
                for (int i = 0, taps = (int)codes.Shape.Product(2, codes.Shape.Rank); i < codes.Shape.Count; i++)
                    if ((flattened ? i : i / taps + i % taps) % 4 >= 2) codes.Bytes[i] = 0;
        Rewriter.Run(q.Graph, new(new NodeEvaluator(CpuKernels.Standard)), 2);
        foreach (var n in q.Graph.Nodes)
            if (n.Inputs.Count > 1 && n.Inputs[1]?.Constant is Quantized w && stored)
                n.Inputs[1]!.Constant = SparseNM.From(w, 2, 4, flattened ? 1 : (int)w.Shape.Product(2, w.Shape.Rank));
        return (q.Graph, q.Random(1, 16, 9, 7));
    }

    [Fact]
    public void A_product_of_codes_with_rows_first_gathers_them()
    {
        // FusedMatMul is how a MatMul reads a weight that is sparse along its sums.
        var q = new QdqGraph(4);
        var x = q.Pair(q.Input(2, 9, 40), 0.016f, 125);
        var y = q.Node("MatMul", [x, q.Weight(1, 0.004f, 40, 24)]);
        q.Graph.Outputs.Add(q.Pair(q.Node("Relu", [y]), 0.05f, 0));
        foreach (var v in q.Graph.Nodes.SelectMany(n => n.Inputs).OfType<Value>())
            if (v.Constant is Dense { Values: { DType: DType.I8, Shape.Rank: 2 } codes })
                for (int i = 0; i < codes.Shape.Count; i++) if (i / 24 % 4 is 1 or 2) codes.Bytes[i] = 0;
        Rewriter.Run(q.Graph, new(new NodeEvaluator(CpuKernels.Standard)), 2);
        var product = q.Graph.Nodes.Single(n => n.Op is MatMul);
        var dense = (Quantized)product.Inputs[1]!.Constant!;
        var input = q.Random(2, 9, 40);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(q.Graph, [input])[0];
        q.Graph.Nodes[q.Graph.Nodes.IndexOf(product)] = new Node("product", new FusedMatMul(new Attributes(1) { InputCount = 2 }.With("transB", 1L)), [product.Inputs[0], new Value("w") { Constant = SparseNM.From(dense.Transposed(), 2, 4) }], product.Outputs);
        Assert.Equal(expected.Bytes.ToArray(), ((Tensor)new Interpreter(CpuKernels.Standard).Run(q.Graph, [input])[0]).Bytes.ToArray());
        var (stems, actual) = Plan(q.Graph, input, 2);
        float steps = GemmNmU8S8.Table.Tier == "scalar" ? 0.15f : 0.051f;
        for (int i = 0; i < expected.Shape.Count; i++) Assert.InRange(actual.Span<float>()[i], expected.Span<float>()[i] - steps, expected.Span<float>()[i] + steps);
        if (GemmNmU8S8.Table.Tier != "scalar") Assert.Contains("gemm-nm-u8s8", stems);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_plan_on_codes_gathers_them(bool stored, bool flattened)
    {
        var (graph, input) = Network(stored, flattened);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [input])[0];
        var (stems, actual) = Plan(graph, input, 2);
        // One step of a grid that a sum in f32 rounds to the other side; some, where all sums are in f32.
        float steps = GemmNmU8S8.Table.Tier == "scalar" ? 0.03f : 0.01f;
        for (int i = 0; i < expected.Shape.Count; i++) Assert.InRange(actual.Span<float>()[i], expected.Span<float>()[i] - steps, expected.Span<float>()[i] + steps);
        if (GemmNmU8S8.Table.Tier == "scalar") return;
        // Groups over flattened channels and taps are not those of input channels, but where there is one tap.
        Assert.Equal(flattened ? 1 : 2, stems.Count(s => s == "conv-nm-u8s8"));
        Assert.Equal(flattened ? 1 : 0, stems.Count(s => s == "conv-u8s8"));
        Assert.Equal(1, stems.Count(s => s == "gemm-nm-u8s8"));
    }
}
