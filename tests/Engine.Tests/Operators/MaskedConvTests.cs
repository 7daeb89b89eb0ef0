using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Convolutions of the channels that masks keep (Fire-Together-Wire-Together): gathered is masked dense, for each sample its own.</summary>
public class MaskedConvTests
{
    private readonly Random _random = new(5);

    private Tensor F32(params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, _random.Next()));

    private Tensor Mask(bool floats, double share, params long[] dims)
    {
        var t = Tensor.Allocate(floats ? DType.F32 : DType.Bool, new Shape(dims));
        for (int i = 0; i < t.Shape.Count; i++)
            if (floats) t.Span<float>()[i] = _random.NextDouble() < share ? _random.NextSingle() + 0.01f : i % 3 == 0 ? 0 : i % 7 == 0 ? float.NaN : -1;
            else t.Bytes[i] = (byte)(_random.NextDouble() < share ? 1 : 0);
        return t;
    }

    private static bool IsKept(Tensor? mask, int i) => mask is null || (mask.DType == DType.F32 ? mask.Span<float>()[i] > 0 : mask.Bytes[i] != 0);

    // The definition: sums in binary64 over kept channels.
    private static Tensor Expected(Tensor x, Tensor w, Tensor? bias, Tensor? outMask, Tensor? inMask, Tensor? residual, bool relu, int stride, int pad)
    {
        int n = x.Shape.Int(0), c = x.Shape.Int(1), h = x.Shape.Int(2), width = x.Shape.Int(3), m = w.Shape.Int(0), k = w.Shape.Int(2), oh = (h + 2 * pad - k) / stride + 1, ow = (width + 2 * pad - k) / stride + 1;
        var y = Tensor.Allocate(DType.F32, new Shape(n, m, oh, ow));
        for (int i = 0; i < y.Shape.Count; i++)
        {
            int column = i % ow, row = i / ow % oh, filter = i / ow / oh % m, sample = i / ow / oh / m;
            if (!IsKept(outMask, sample * m + filter))
            {
                y.Span<float>()[i] = 0;
                continue;
            }
            double sum = (bias is null ? 0 : bias.Span<float>()[filter]) + (residual is null ? 0 : residual.Span<float>()[i]);
            for (int channel = 0; channel < c; channel++)
                for (int t = 0; t < k * k && IsKept(inMask, sample * c + channel); t++)
                {
                    int r = row * stride + t / k - pad, s = column * stride + t % k - pad;
                    if (r >= 0 && r < h && s >= 0 && s < width) sum += (double)x.Span<float>()[((sample * c + channel) * h + r) * width + s] * w.Span<float>()[(filter * c + channel) * k * k + t];
                }
            y.Span<float>()[i] = (float)(relu ? Math.Max(0, sum) : sum);
        }
        return y;
    }

    // Small layers would not pay for the conversions around them.
    private static readonly KernelRegistry s_blocked = new KernelRegistry(CpuKernels.Standard).Extend<MaskedConv>((_, n) => CpuKernels.Standard.Candidates(n).Where(c => c.Stem == "conv-masked").Select(c => c with { Nanoseconds = -1e9 }));

    private static (List<string> Stems, Tensor Y) Run(ModelGraph graph, IReadOnlyList<RuntimeValue> inputs, int threads, KernelRegistry? kernels = null)
    {
        List<string> stems = [];
        var program = new Runtime.Program(graph, kernels ?? CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        using var workers = new Workers(threads);
        var outputs = new RuntimeValue?[1];
        new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([.. inputs], outputs);
        return (stems, ((Tensor)outputs[0]!).Clone());
    }

    public static TheoryData<int, int, int, int, int, double, double> Shapes() => new()
    {
        { 48, 70, 14, 3, 1, 0.5, 0.5 }, { 48, 70, 14, 3, 1, 0.3, 1 }, { 48, 70, 14, 3, 1, 1, 0.3 }, { 33, 20, 9, 1, 1, 0.5, 0.7 }, { 40, 64, 15, 3, 2, 0.2, 0.2 },
        { 3, 40, 20, 3, 1, 0.4, 1 }, { 48, 70, 14, 3, 1, 0, 0.5 }, { 48, 70, 14, 3, 1, 0.5, 0 }, { 32, 32, 14, 3, 1, 1, 1 }, { 64, 96, 7, 3, 1, 0.9, 0.95 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Gathered_is_masked_dense_for_each_sample(int c, int m, int size, int k, int stride, double outShare, double inShare)
    {
        const int samples = 3;
        int pad = k / 2, outSize = (size + 2 * pad - k) / stride + 1;
        foreach (bool plain in (bool[])[false, true])
        {
            Tensor x = F32(samples, c, size, size), w = F32(m, c, k, k), bias = F32(m);
            Tensor? outMask = outShare == 1 ? null : Mask(plain, outShare, samples, m, 1, 1), inMask = inShare == 1 ? null : Mask(!plain, inShare, samples, c), residual = plain ? null : F32(samples, m, outSize, outSize);
            var g = new GraphBuilder();
            Value Maybe(string name, Tensor? t) => t is null ? null! : g.Input(name, t.DType);
            var attributes = new Dictionary<string, object> { ["pads"] = new long[] { pad, pad, pad, pad }, ["strides"] = new long[] { stride, stride } };
            if (!plain) attributes["activation"] = "Relu";
            Value?[] inputs = [g.Input("x", DType.F32), g.Constant(w), g.Constant(bias), Maybe("out", outMask), Maybe("in", inMask), Maybe("z", residual)];
            var y = new Value("y");
            g.Graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("engine", "MaskedConv", new Attributes(1, attributes) { InputCount = 6 }, "n"), inputs, [y]));
            g.Output(y);
            RuntimeValue[] values = [.. new RuntimeValue?[] { x, outMask, inMask, residual }.OfType<RuntimeValue>()];
            var expected = Expected(x, w, bias, outMask, inMask, residual, !plain, stride, pad);

            var (stems, actual) = Run(g.Graph, values, 1, s_blocked);

            Assert.Contains("conv-masked", stems);
            AssertEx.Close(expected, actual, 1e-4);
            AssertEx.Close(expected, (Tensor)new Interpreter(CpuKernels.Standard).Run(g.Graph, values)[0], 1e-4);
            Assert.Equal(actual.Bytes.ToArray(), Run(g.Graph, values, 3, s_blocked).Y.Bytes.ToArray());
        }
    }

    [Fact]
    public unsafe void Where_all_inputs_are_kept_filters_have_the_bits_of_the_dense_kernel()
    {
        var s = new ConvShape(1, 40, 75, 1, new Window3(WindowDim.One, new(9, 9, 3, 1, 1, 1, 1), new(11, 11, 3, 1, 1, 1, 1)));
        Tensor plain = F32(1, 40, 9, 11), w = F32(75, 40, 3, 3), x = F32(48 * 99), gathered = F32(80 * 99), dense = F32(80 * 99), packed = F32(ConvBlocked.PackedLength(s, false)), work = F32(ConvMasked.WorkFloats(s)), other = F32(ConvBlocked.WorkFloats(s, false));
        BlockedConvert.ToBlocked(Workers.Single, plain.Span<float>(), 1, 40, 99, 16, x.Span<float>());
        ConvBlocked.Pack(Workers.Single, s, false, w.Span<float>(), packed.Span<float>());
        int[] outs = [.. Enumerable.Range(0, 75).Where(i => i % 3 != 1)], ins = [.. Enumerable.Range(0, 40)];
        fixed (int* po = outs, pi = ins)
        {
            var a = new ConvMasked.Sample { X = (float*)x.Pointer, Packed = (float*)packed.Pointer, Y = (float*)gathered.Pointer, Outputs = po, OutputCount = outs.Length, Inputs = pi, InputCount = ins.Length };
            ConvMasked.Gathered(ConvBlocked.Table.Best, BlockedSelect.Table.Best, Workers.Single, s, a, (float*)work.Pointer);
            a.Y = (float*)dense.Pointer;
            ConvMasked.Masked(ConvBlocked.Table.Best, BlockedSelect.Table.Best, Workers.Single, s, a, null, (float*)other.Pointer, (float*)work.Pointer);
        }
        Assert.Equal(dense.Span<float>().ToArray(), gathered.Span<float>().ToArray());
        Assert.Equal(25 * 99, gathered.Span<float>().ToArray().Where((_, i) => i / (16 * 99) * 16 + i % 16 is var channel && channel < 75 && channel % 3 == 1).Count(v => v == 0));
    }

    // Pattern of an export: predictor, mask, product; the next layer reads what is left, through a pool.
    private static ModelGraph Network(string mask, Random r, int c = 32, int m = 48)
    {
        Tensor Values(params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, r.Next()));
        var g = new GraphBuilder();
        var x = g.Input("x", DType.F32);
        Value Op(string op, params Value?[] inputs) => g.Op(op, 16, inputs);
        Value Conv(Value from, int inputs, int outputs, int k) => g.Op("Conv", 16, [from, g.Constant(Values(outputs, inputs, k, k)), g.Constant(Values(outputs))], new() { ["pads"] = new long[] { k / 2, k / 2, k / 2, k / 2 } });
        Value Layer(Value from, int inputs, int outputs, Value? residual)
        {
            var z = Conv(from, inputs, outputs, 3);
            var y = Op("Relu", residual is null ? z : Op("Add", residual, z));
            var logits = Conv(Op("GlobalAveragePool", from), inputs, outputs, 1);
            Value zero = g.Constant(Tensor.Scalar(0f)), kept = Op("Greater", logits, zero);
            return mask switch
            {
                "cast" => Op("Mul", y, g.Op("Cast", 16, [kept], new() { ["to"] = 1L })),
                "sign" => Op("Mul", Op("Relu", Op("Sign", logits)), y),
                "where" => Op("Where", kept, y, zero),
                "flat" => Op("Mul", y, Op("Unsqueeze", g.Op("Cast", 16, [Op("Greater", g.Op("Flatten", 16, [logits]), zero)], new() { ["to"] = 1L }), g.Constant(Tensor.Vector<long>(2, 3)))),
                _ => Op("Mul", y, Op("Sigmoid", logits)),
            };
        }
        var first = Layer(x, c, m, null);
        var second = Layer(first, m, m, first);
        g.Output(Op("Relu", Conv(g.Op("MaxPool", 16, [second], new() { ["kernel_shape"] = new long[] { 2, 2 }, ["strides"] = new long[] { 2, 2 } }), m, c, 1)));
        return g.Graph;
    }

    [Theory]
    [InlineData("cast")]
    [InlineData("sign")]
    [InlineData("where")]
    [InlineData("flat")]
    [InlineData("sigmoid")]
    public void Layers_and_their_predictors_as_exporters_write_them_are_gathered(string mask)
    {
        var graph = Network(mask, _random);
        Tensor x = F32(2, 32, 14, 14);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];

        var (stems, actual) = Run(graph, [x], 2);

        // Two layers whose filters are dropped, and one that reads less of the last; gates that are no masks are left alone.
        // Without vectors the layer in front is estimated faster so too.
        Assert.InRange(stems.Count(s => s == "conv-masked"), mask == "sigmoid" ? 0 : 3, mask == "sigmoid" ? 0 : GemmF32.Table.Tier == "scalar" ? 4 : 3);
        Assert.DoesNotContain("mul", stems.Where(_ => mask != "sigmoid"));
        AssertEx.Close(expected, actual, 1e-3);
    }

    [Fact]
    public void The_trained_model_picks_its_filters_by_sample()
    {
        using var model = Engine.Model.Load(Path.Combine(Repository.Root, "bench", "models", "fashion-ftwt", "model.onnx"));
        var x = Repository.Inputs(model.Definition.Source!, model)[0];
        // Four layers, and predictors of several samples where their few pixels are estimated faster so too.
        Assert.InRange(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = x }).Steps.Count(s => s.Stem == "conv-masked"), 4, 7);
    }

    [Fact]
    public void Weights_that_are_not_stored_filter_by_filter_are_refused()
    {
        var values = new Dense(F32(8, 4));
        Weight sparse = new SparseNM(new Shape(8, 8, 1, 1), 2, 4, Tensor.Vector<byte>([.. Enumerable.Repeat((byte)0b1101_0100, 8)]), values);
        Weight tree = new BinaryTree(new Shape(8, 9, 1, 1), Tensor.Vector<int>(-1, 0, 0, 0, 0, 0, 0, 0), Tensor.Vector<ulong>(0x155), Tensor.Vector<int>(0, 0, 1, 1, 1, 1, 1, 1, 1), Tensor.Vector<ushort>(4));
        foreach (var w in (Weight[])[sparse, new Scaled(sparse, row: F32(8)), new WeightSum(new Dense(F32(8, 8, 1, 1)), sparse), tree])
        {
            var g = new GraphBuilder();
            var y = new Value("y");
            var input = new Value("conv.weight") { Constant = w };
            g.Graph.Nodes.Add(new Node("conv", OperatorRegistry.Standard.Create("engine", "MaskedConv", new Attributes(1) { InputCount = 4 }, "conv"), [g.Input("x", DType.F32), input, null, g.Input("mask", DType.Bool)], [y]));
            g.Output(y);
            Tensor x = F32(1, w.Shape[1], 5, 5), mask = Mask(false, 0.5, 1, 8);
            var e = Assert.Throws<UnsupportedException>(() => Run(g.Graph, [x, mask], 1));
            Assert.Contains("node 'conv' (engine.MaskedConv", e.Message, StringComparison.Ordinal);
            Assert.Contains("'conv.weight'", e.Message, StringComparison.Ordinal);
            Assert.Contains(w is BinaryTree ? "BinaryTree" : "Sparse(2:4", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("2:4", "filters of Sparse(2:4")]
    [InlineData("groups", "filters of groups")]
    [InlineData("read twice", "others read")]
    public void A_mask_that_is_multiplied_says_why(string kind, string why)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        Value w = kind switch
        {
            "2:4" => new Value("conv.weight") { Constant = new SparseNM(new Shape(8, 8, 1, 1), 2, 4, Tensor.Vector<byte>([.. Enumerable.Repeat((byte)0b1101_0100, 8)]), new Dense(F32(8, 4))) },
            "groups" => b.Constant(F32(8, 4, 1, 1)),
            _ => b.Constant(F32(8, 8, 1, 1)),
        };
        var y = b.Op("Relu", 16, [b.Op("Conv", 16, [x, w], new() { ["group"] = kind == "groups" ? 2L : 1L })]);
        var kept = b.Op("Cast", 16, [b.Op("Greater", 16, [b.Op("GlobalAveragePool", 16, [x]), b.Constant(Tensor.Scalar(0f))])], new() { ["to"] = 1L });
        b.Output(b.Op("Mul", 16, [y, kept]));
        if (kind == "read twice") b.Output(y);
        using var model = Engine.Model.Create(new ModelDefinition(b.Graph));
        var inputs = new Dictionary<string, RuntimeValue> { [model.Inputs[0].Name] = F32(2, 8, 5, 5) };

        var steps = model.Plan(inputs).Steps;

        Assert.DoesNotContain(steps, s => s.Stem.StartsWith("conv-masked", StringComparison.Ordinal));
        Assert.Single(steps, s => s.FormNotTaken.Contains("mask multiplied: " + why, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(4, 8)]
    public void Masks_of_other_sizes_are_refused(int input, int channels)
    {
        var g = new GraphBuilder();
        var y = new Value("y");
        Value?[] inputs = [g.Input("x", DType.F32), g.Constant(F32(8, 4, 1, 1)), null, null, null];
        inputs[input] = g.Input("mask", DType.Bool);
        g.Graph.Nodes.Add(new Node("conv", OperatorRegistry.Standard.Create("engine", "MaskedConv", new Attributes(1) { InputCount = 5 }, "conv"), inputs, [y]));
        g.Output(y);
        Assert.Throws<OperatorException>(() => Run(g.Graph, [F32(1, 4, 3, 3), Mask(false, 1, 1, channels)], 1));
    }
}
