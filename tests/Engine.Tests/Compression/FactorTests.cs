using Engine.Compression;
using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Singular vectors, and layers in factors: with all ranks they are what they stand for.</summary>
public sealed class FactorTests
{
    private readonly Random _random = new(21);

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => _random.NextSingle() * 2 - 1)];

    private Tensor F32(params long[] dims) => Tensor.From(new Shape(dims), Values((int)new Shape(dims).Elements));

    /// <summary>A matrix with the singular values given, by random orthogonal vectors.</summary>
    private float[] WithSpectrum(int rows, int columns, double[] spectrum)
    {
        var w = new float[rows * columns];
        float[] p = Svd.Left(Values(rows * rows), rows, rows, rows, 1, Workers.Single).Vectors, q = Svd.Left(Values(columns * columns), columns, columns, columns, 2, Workers.Single).Vectors;
        for (int i = 0; i < spectrum.Length; i++)
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++) w[r * columns + c] += (float)(spectrum[i] * p[i * rows + r] * q[i * columns + c]);
        return w;
    }

    [Theory]
    [InlineData(40, 60, 40)]
    [InlineData(60, 40, 7)]
    [InlineData(200, 90, 12)]
    [InlineData(1, 5, 1)]
    public void Singular_vectors_are_orthonormal_and_lead_in_order(int rows, int columns, int count)
    {
        double[] spectrum = [.. Enumerable.Range(0, Math.Min(rows, columns)).Select(i => Math.Pow(0.8, i))];
        using var workers = new Workers(2);
        float[] w = WithSpectrum(rows, columns, spectrum);

        var svd = Svd.Left(w, rows, columns, count, 42, workers);

        Assert.Equal(Math.Min(count, rows), svd.Count);
        Assert.Equal(spectrum.Sum(s => s * s), svd.Energy, 1e-4);
        for (int i = 0; i < svd.Count; i++)
        {
            Assert.Equal(i < spectrum.Length ? spectrum[i] : 0, svd.Values[i], 2e-3);
            for (int j = 0; j <= i; j++)
            {
                double dot = 0;
                for (int k = 0; k < rows; k++) dot += (double)svd.Vectors[i * rows + k] * svd.Vectors[j * rows + k];
                Assert.Equal(i == j ? 1 : 0, dot, 1e-5);
            }
        }
        Assert.Equal(svd.Vectors, Svd.Left(w, rows, columns, count, 42, Workers.Single).Vectors);
    }

    [Fact]
    public void A_matrix_of_zeros_has_vectors_too()
    {
        var svd = Svd.Left(new float[50 * 20], 50, 20, 5, 42, Workers.Single);
        Assert.All(svd.Values, v => Assert.Equal(0, v, 1e-6));
        Assert.All(svd.Vectors, v => Assert.True(float.IsFinite(v)));
    }

    private static (ModelGraph Graph, Layer Layer) Convolution(Tensor w, params (string, object)[] attributes)
    {
        var graph = new ModelGraph("g");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new Dim(2), new Dim(w.Shape[1]), new Dim(11), new Dim(9)])), y = new("y");
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var node = new Node("conv", OperatorRegistry.Standard.Create("", "Conv", new Attributes(13, attributes.ToDictionary(a => a.Item1, a => a.Item2)) { InputCount = 3 }, "conv"),
            [x, Value.Of("w", w), Value.Of("b", Tensor.From(new Shape(w.Shape[0]), [.. Enumerable.Range(0, w.Shape.Int(0)).Select(i => 0.1f * i)]))], [y]);
        graph.Nodes.Add(node);
        return (graph, new Layer("conv", LayerKind.Conv, node, 1, w));
    }

    private void AssertAlike(ModelGraph graph, Layer layer, string scheme, int nodes, float tolerance, Tensor? input = null)
    {
        var f = Scheme.Parse(scheme).Factors!;
        var factors = new Factorizer(new CompressionOptions(), null, Workers.Single).Factor(layer, f, FactorMethod.Plain)!;
        Assert.NotNull(factors);
        float[] decoded = factors.Decode(layer, Workers.Single), w = layer.Matrix();
        for (int i = 0; i < w.Length; i++) Assert.True(Math.Abs(w[i] - decoded[i]) <= tolerance, $"{scheme}: weight {i} is {decoded[i]}, expected {w[i]}");
        var made = FactorNodes.Of(layer, factors, layer.Node, null);
        Assert.Equal(nodes, made.Count);
        var y = new ModelGraph("factored") { Nodes = [.. made] };
        y.Inputs.AddRange(graph.Inputs);
        y.Outputs.AddRange(graph.Outputs);
        RuntimeValue[] x = [input ?? F32(((DeclaredType.Tensor)graph.Inputs[0].Declared!).Dims!.Select(d => d.Value).ToArray())];
        var interpreter = new Interpreter(CpuKernels.Standard);
        AssertEx.Close((Tensor)interpreter.Run(graph, x)[0], (Tensor)interpreter.Run(y, x)[0], 100 * tolerance);
    }

    [Theory]
    [InlineData("low-rank:12", 2)]
    [InlineData("spatial:24", 2)]
    [InlineData("tucker:12x8", 3)]
    public void With_all_ranks_a_convolution_in_factors_is_the_convolution(string scheme, int nodes)
    {
        var (graph, layer) = Convolution(F32(12, 8, 3, 3), ("strides", new long[] { 2, 1 }), ("pads", new long[] { 1, 0, 1, 2 }), ("dilations", new long[] { 1, 2 }), ("kernel_shape", new long[] { 3, 3 }));
        // Numbers of ranks that are given may make factors larger than the filter: only a scheme's own rules refuse that.
        if (scheme == "low-rank:12")
        {
            Assert.Null(new Factorizer(new CompressionOptions(), null, Workers.Single).Factor(layer, Scheme.Parse(scheme).Factors!, FactorMethod.Plain));
            (graph, layer) = Convolution(LowRankFilter(12, 8, 3, 3, 5), ("strides", new long[] { 2, 1 }), ("pads", new long[] { 1, 0, 1, 2 }));
            scheme = "low-rank:5";
        }
        if (scheme == "spatial:24")
        {
            (graph, layer) = Convolution(SpatialFilter(12, 8, 3, 3, 9), ("strides", new long[] { 2, 1 }), ("pads", new long[] { 1, 0, 1, 2 }), ("dilations", new long[] { 1, 2 }));
            scheme = "spatial:9";
        }
        AssertAlike(graph, layer, scheme, nodes, 1e-5f);
    }

    [Theory]
    [InlineData(1, 1, "low-rank:4")]
    [InlineData(1, 1, "spatial:4")]
    [InlineData(1, 3, "low-rank:4")]
    [InlineData(1, 3, "tucker:4")]
    public void A_window_of_one_keeps_its_strides_and_pads(int height, int width, string scheme)
    {
        var (graph, layer) = Convolution(LowRankFilter(12, 8, height, width, 4), ("strides", new long[] { 2, 3 }), ("pads", new long[] { 1, 0, 2, 1 }));
        AssertAlike(graph, layer, scheme, 2, 1e-5f);
    }

    private Tensor LowRankFilter(int o, int c, int h, int w, int rank)
    {
        float[] u = Values(o * rank), v = Values(rank * c * h * w);
        return Tensor.From(new Shape(o, c, h, w), Products.Times(u, o, v, c * h * w, rank, Workers.Single));
    }

    private Tensor SpatialFilter(int o, int c, int h, int w, int rank)
    {
        float[] down = Values(rank * c * h), across = Values(o * rank * w);
        var t = Tensor.Allocate(DType.F32, new Shape(o, c, h, w));
        int at = 0;
        for (int i = 0; i < o; i++)
            for (int j = 0; j < c; j++)
                for (int y = 0; y < h; y++)
                    for (int x = 0; x < w; x++, at++)
                        for (int r = 0; r < rank; r++) t.Span<float>()[at] += down[(r * c + j) * h + y] * across[(i * rank + r) * w + x];
        return t;
    }

    [Fact]
    public void A_convolution_of_a_few_canonical_terms_is_found()
    {
        int o = 10, c = 8, rank = 3;
        float[] a = Values(o * rank), b = Values(c * rank), h = Values(3 * rank), w = Values(3 * rank);
        var t = Tensor.Allocate(DType.F32, new Shape(o, c, 3, 3));
        int at = 0;
        for (int i = 0; i < o; i++)
            for (int j = 0; j < c; j++)
                for (int y = 0; y < 3; y++)
                    for (int x = 0; x < 3; x++, at++)
                        for (int r = 0; r < rank; r++) t.Span<float>()[at] += a[i * rank + r] * b[j * rank + r] * h[y * rank + r] * w[x * rank + r];
        var (graph, layer) = Convolution(t, ("strides", new long[] { 1, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));
        AssertAlike(graph, layer, "cp:4", 4, 2e-3f);
    }

    [Theory]
    [InlineData("Gemm", true)]
    [InlineData("Gemm", false)]
    [InlineData("MatMul", false)]
    public void A_product_of_low_rank_is_found_and_runs_as_one_step(string op, bool transposed)
    {
        const int rows = 3, inputs = 310, outputs = 290, rank = 16;
        var graph = new ModelGraph("g");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new Dim(rows), new Dim(inputs)])), y = new("y");
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var shape = transposed ? new Shape(outputs, inputs) : new Shape(inputs, outputs);
        var w = Tensor.From(shape, Products.Times(Values(shape.Int(0) * rank), shape.Int(0), Values(rank * shape.Int(1)), shape.Int(1), rank, Workers.Single));
        List<Value?> operands = [x, Value.Of("w", w)];
        if (op == "Gemm") operands.Add(Value.Of("b", F32(outputs)));
        var node = new Node("fc", OperatorRegistry.Standard.Create("", op, new Attributes(13, op == "Gemm" ? new Dictionary<string, object> { ["transB"] = transposed ? 1L : 0L } : []) { InputCount = operands.Count }, "fc"), operands, [y]);
        graph.Nodes.Add(node);
        var layer = new Layer("fc", op == "Gemm" ? LayerKind.Gemm : LayerKind.MatMul, node, 1, w);
        AssertAlike(graph, layer, "low-rank:16", 2, 1e-4f);

        var factors = new Factorizer(new CompressionOptions(), null, Workers.Single).Factor(layer, Scheme.Parse("low-rank:16").Factors!, FactorMethod.Outputs)!;
        var made = new ModelGraph("factored") { Nodes = [.. FactorNodes.Of(layer, factors, node, null)] };
        made.Inputs.AddRange(graph.Inputs);
        made.Outputs.AddRange(graph.Outputs);
        var input = F32(rows, inputs);
        using var exact = Model.Create(new ModelDefinition(graph));
        using var model = Model.Create(new ModelDefinition(made));
        using var session = model.CreateSession();
        var actual = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = input })["y"];
        Assert.Equal(["low-rank"], session.Plans[0].Steps.Select(s => s.Stem));
        using var other = exact.CreateSession();
        AssertEx.Close((Tensor)other.Run(new Dictionary<string, RuntimeValue> { ["x"] = input })["y"], actual, 1e-3);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(4, 1)]
    [InlineData(3, 1)]
    [InlineData(8, 0)]
    public void A_quantized_matrix_turned_decodes_to_the_transpose(int bits, int axis)
    {
        const int rows = 70, columns = 50;
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes((long)rows * columns, bits)));
        _random.NextBytes(codes.Bytes);
        bool groups = bits != 8;
        long[] scales = !groups ? [rows] : axis == 0 ? [3, columns] : [rows, 2];
        var q = new Quantized(new Shape(rows, columns), bits, codes, groups ? Granularity.Group : Granularity.Channel, new Dense(F32(scales)), axis: axis, group: groups ? 32 : 0);
        Assert.Equal(q.Decode().Transposed().Bytes.ToArray(), q.Transposed().Decode().Bytes.ToArray());
    }

    [Theory]
    [InlineData("low-rank:64")]
    [InlineData("low-rank:50%")]
    [InlineData("spatial:energy=95%+int8")]
    [InlineData("tucker:64x32+int4-g64")]
    [InlineData("cp:break-even+w8")]
    public void Schemes_of_factors_are_read_as_they_are_written(string text) => Assert.Equal(text, Scheme.Parse(text).ToString());

    [Theory]
    [InlineData("low-rank:0")]
    [InlineData("low-rank:")]
    [InlineData("low-rank:64x32")]
    [InlineData("low-rank:120%")]
    [InlineData("cp:energy=95%")]
    [InlineData("low-rank:64+low-rank:32")]
    [InlineData("int4+low-rank:64")]
    public void Other_schemes_of_factors_are_refused(string text) => Assert.Throws<InputException>(() => Scheme.Parse(text));
}
