using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Formats;

/// <summary>Quantized constants in the forms that ONNX has for them: what is read back computes the same.</summary>
public sealed class QuantizedExportTests
{
    public static TheoryData<int, string, bool, bool> Forms
    {
        get
        {
            var d = new TheoryData<int, string, bool, bool>();
            foreach (int bits in (int[])[1, 2, 3, 4, 5, 8])
                foreach (string share in (string[])["tensor", "channel", "group"])
                    foreach (bool zero in (bool[])[false, true])
                        foreach (bool signed in (bool[])[false, true]) d.Add(bits, share, zero, signed);
            return d;
        }
    }

    private static Quantized Weight(int rows, int columns, int bits, string share, bool zero, bool signed, DType scaleType = DType.F32)
    {
        var random = new Random(bits + rows);
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes((long)rows * columns, bits)));
        random.NextBytes(codes.Bytes);
        var granularity = share == "tensor" ? Granularity.Tensor : share == "channel" ? Granularity.Channel : Granularity.Group;
        int scales = granularity == Granularity.Tensor ? 1 : granularity == Granularity.Channel ? rows : rows * ((columns + 15) / 16), least = signed ? -(1 << (bits - 1)) : 0;
        Tensor s = scaleType == DType.F16 ? Tensor.Vector<Half>([.. Enumerable.Range(1, scales).Select(i => (Half)(i / 64f))]) : Tensor.Vector<float>([.. Enumerable.Range(1, scales).Select(i => i / 100f)]);
        var z = zero ? new Dense(Tensor.Vector<float>([.. Enumerable.Range(0, scales).Select(_ => (float)(least + random.Next(1 << bits)))])) : null;
        return new Quantized(new Shape(rows, columns), bits, codes, granularity, new Dense(s), z, signed, granularity == Granularity.Group ? 1 : 0, granularity == Granularity.Group ? 16 : 0);
    }

    private static ModelDefinition Model(Node node, Value input, Value output, int opset)
    {
        var g = new ModelGraph("g") { Nodes = [node] };
        g.Inputs.Add(input);
        g.Outputs.Add(output);
        return new ModelDefinition(g) { Opsets = new Dictionary<string, int> { [""] = opset, ["com.microsoft"] = 1 } };
    }

    private static (ModelDefinition Copy, RuntimeValue Expected, RuntimeValue Actual) RoundTrip(ModelDefinition m, Tensor x)
    {
        using var bytes = new MemoryStream();
        OnnxModelWriter.Write(m, bytes);
        var copy = OnnxModelReader.Load(bytes.ToArray());
        return (copy, new Interpreter(CpuKernels.Standard).Run(m.Graph, [x])[0], new Interpreter(CpuKernels.Standard).Run(copy.Graph, [x])[0]);
    }

    [Theory, MemberData(nameof(Forms))]
    public void Products_give_the_same(int bits, string share, bool zero, bool signed)
    {
        foreach (string op in (string[])["FusedMatMul", "Gemm"])
        {
            Value x = new("x", new DeclaredType.Tensor(DType.F32, [new(2), new(40)])), y = new("y");
            var w = new Value("w") { Constant = Weight(6, 40, bits, share, zero, signed, share == "group" ? DType.F16 : DType.F32) };
            var attributes = new Attributes(op == "Gemm" ? 13 : 1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 3 };
            var bias = Value.Of("b", Tensor.Vector<float>(TestData.Floats(6, 1)));
            var node = op == "Gemm" ? new Node("n", new Gemm(attributes), [x, w, bias], [y]) : new Node("n", new FusedMatMul(attributes), [x, w], [y]);
            var (copy, expected, actual) = RoundTrip(Model(node, x, y, 13), Tensor.From(new Shape(2, 40), TestData.Floats(80, 2)));
            Assert.Null(ValueComparer.Compare(expected, actual, 1e-6, 1e-5));
            Assert.Equal(share == "group", copy.Graph.Nodes.Exists(n => n.Op is MatMulNBits));
            Assert.Equal(share != "group" && bits <= 4 ? 21 : 13, copy.Opsets[""]);
        }
    }

    [Fact]
    public void Tables_of_rows_are_gathered_from_codes()
    {
        Value x = new("x", new DeclaredType.Tensor(DType.I64, [new(3)])), y = new("y");
        var w = new Value("w") { Constant = Weight(9, 64, 4, "group", zero: false, signed: false) };
        var node = new Node("n", new Gather(new Attributes(13) { InputCount = 2 }), [w, x], [y]);
        var (copy, expected, actual) = RoundTrip(Model(node, x, y, 13), Tensor.Vector(8L, 0, 3));
        Assert.Null(ValueComparer.Compare(expected, actual, 0, 0));
        Assert.IsType<GatherBlockQuantized>(Assert.Single(copy.Graph.Nodes).Op);
    }

    [Fact]
    public void An_opset_that_other_nodes_need_is_kept()
    {
        Value x = new("x", new DeclaredType.Tensor(DType.F32, [new(2), new(40)])), product = new("p"), y = new("y");
        var w = new Value("w") { Constant = Weight(6, 40, 4, "channel", zero: false, signed: false) };
        var m = Model(new Node("n", new Gemm(new Attributes(11, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 }), [x, w], [product]), x, y, 11);
        // Softmax before opset 13 flattens; under opset 21 it would not.
        m.Graph.Nodes.Add(new Node("s", OperatorRegistry.Standard.Create("", "Softmax", new Attributes(11) { InputCount = 1 }, "s"), [product], [y]));
        var (copy, expected, actual) = RoundTrip(m, Tensor.From(new Shape(2, 40), TestData.Floats(80, 3)));
        Assert.Null(ValueComparer.Compare(expected, actual, 1e-6, 1e-6));
        Assert.Equal(11, copy.Opsets[""]);
        Assert.Equal("com.microsoft", copy.Graph.Nodes.First(n => n.Op is DequantizeLinear).Op.Domain);
    }

    [Fact]
    public void Forms_that_onnx_lacks_are_refused_by_name()
    {
        Value x = new("x"), y = new("y");
        foreach (Weight w in (Weight[])[new LowRank(new Shape(6, 40), new Dense(Tensor.Allocate(DType.F32, new Shape(2, 6))), new Dense(Tensor.Allocate(DType.F32, new Shape(2, 40)))),
            new Quantized(new Shape(6, 40), 4, Tensor.Allocate(DType.U8, new Shape(120)), Granularity.Tensor, new Dense(Tensor.Vector(1f)), table: CodeTable.Nf4)])
        {
            var node = new Node("n", new Gemm(new Attributes(13, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 }), [x, new Value("odd weight") { Constant = w }], [y]);
            Assert.Contains("'odd weight'", Assert.Throws<UnsupportedException>(() => OnnxModelWriter.Write(Model(node, x, y, 13), Stream.Null)).Message, StringComparison.Ordinal);
        }
    }
}
