using System.Runtime.InteropServices;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;
using static Engine.Tests.Formats.OnnxBytes;

namespace Engine.Tests.Formats;

public class OnnxImportTests
{
    private static ModelDefinition Load(OnnxBytes model) => OnnxModelReader.Load(model.ToArray(), AnyOperator.Options);

    private static T Fails<T>(OnnxBytes model, string message) where T : EngineException
    {
        var e = Assert.Throws<T>(() => Load(model));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        return e;
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Seeds_load(string seed) => Assert.NotEmpty(OnnxModelReader.Load(SeedModels.All[seed], AnyOperator.Options).Graph.Nodes);

    public static TheoryData<string> Seeds => [.. SeedModels.All.Keys];

    [Fact]
    public void A_function_is_expanded_with_its_attributes_and_missing_inputs()
    {
        var g = OnnxModelReader.Load(SeedModels.All["function"], AnyOperator.Options).Graph;
        Assert.Equal(["A", "B", "A", "B", "A", "B", "A", "B"], g.Nodes.Select(n => n.Op.Name));
        Assert.Equal([7, -1, 5, -1], g.Nodes.Where(n => n.Op.Name == "A").Select(n => n.Op.Attributes.Int("k", -1)));
        Assert.Single(g.Nodes[0].Inputs);
        Assert.Same(g.Nodes[0].Inputs[0], g.Nodes[2].Inputs[1]);
        Assert.Equal(["z", "w"], g.Outputs.Select(o => o.Name));
        Assert.Equal("outer_y_z/inner_q/A_h", g.Nodes[0].Name);
    }

    [Fact]
    public void A_function_that_hands_an_input_through_gets_a_wire_of_its_own()
    {
        var f = new OnnxBytes().Text(1, "f").Text(4, "a").Text(5, "a").Text(10, "f");
        var g = Load(Model(GraphOf([In("f", "f", ["x"], ["y"])], [Value("x")], [Value("y")]), functions: [f])).Graph;
        Assert.Equal(("Identity", "y"), (Assert.Single(g.Nodes).Op.Name, g.Outputs[0].Name));
    }

    [Fact]
    public void A_subgraph_reads_wires_around_it_and_nodes_are_sorted()
    {
        var g = OnnxModelReader.Load(SeedModels.All["subgraph"], AnyOperator.Options).Graph;
        Assert.Equal(["A", "If"], g.Nodes.Select(n => n.Op.Name));
        var branch = g.Nodes[1].Op.Attributes.Graph("else_branch");
        Assert.Same(g.Nodes[0].Outputs[0], branch.Outputs[0]);
        Assert.Equal(["cond", "x"], g.Nodes[1].Op.Attributes.Graph("then_branch").Captures().Select(v => v.Name));
    }

    [Fact]
    public void Constants_in_all_forms()
    {
        var inputs = OnnxModelReader.Load(SeedModels.All["constants"], AnyOperator.Options).Graph.Nodes.Single().Inputs.Select(v => v!.ConstantTensor!).ToArray();
        Assert.Equal([1f, 2, 3], inputs[0].Span<float>().ToArray());
        Assert.Equal([1, 2], inputs[1].ToLongs());
        Assert.Equal(["text"], inputs[2].Strings);
        Assert.Equal([(Half)1, (Half)2], inputs[3].Span<Half>().ToArray());
        Assert.Equal([0f, 5, 0, 0, 6, 0], inputs[4].Span<float>().ToArray());
        Assert.Equal("f32[2,3]", inputs[5].ToString());
    }

    [Fact]
    public void Types_and_metadata()
    {
        var m = OnnxModelReader.Load(SeedModels.All["types"], AnyOperator.Options);
        Assert.Equal(["seq(f32[])", "optional(seq(f32[]))"], m.Graph.Inputs.Select(i => i.Declared!.ToString()));
        Assert.Equal(("tests", "tests", "3"), (m.Metadata["author"], m.Metadata["producer_name"], m.Metadata["model_version"]));
        Assert.Equal(13, m.Opsets[""]);
    }

    [Theory]
    [InlineData(DType.U8, new long[] { 0, 255 }, new byte[] { 0, 255 })]
    [InlineData(DType.I8, new long[] { -1, 127 }, new byte[] { 255, 127 })]
    [InlineData(DType.I16, new long[] { -2, 1 }, new byte[] { 254, 255, 1, 0 })]
    [InlineData(DType.BF16, new long[] { 0x3F80, 0x4000 }, new byte[] { 0x80, 0x3F, 0, 0x40 })]
    [InlineData(DType.F8E4M3FN, new long[] { 0x38, 0xFF }, new byte[] { 0x38, 0xFF })]
    [InlineData(DType.Bool, new long[] { 0, 7 }, new byte[] { 0, 1 })]
    public void Small_types_come_as_32_bit_lists(DType type, long[] values, byte[] bytes) =>
        Assert.Equal(bytes, Constant(Header("c", type, 2).Packed(5, values)).Bytes.ToArray());

    [Fact]
    public void Four_bit_types_are_two_a_value()
    {
        Assert.Equal([0x21, 0x03], Constant(Header("c", DType.I4, 3).Packed(5, 0x21, 0x03)).Bytes.ToArray());
        Assert.Equal([0x21, 0x03], Constant(TensorOf("c", DType.U4, [3], [0x21, 0x03])).Bytes.ToArray());
    }

    [Fact]
    public void Wide_types_and_unpacked_lists()
    {
        Assert.Equal([ulong.MaxValue], Constant(Header("c", DType.U64, 1).Packed(11, -1)).Span<ulong>().ToArray());
        Assert.Equal([uint.MaxValue], Constant(Header("c", DType.U32, 1).Packed(11, uint.MaxValue)).Span<uint>().ToArray());
        Assert.Equal([-5L, 6], Constant(Header("c", DType.I64, 2).Int(7, -5).Packed(7, 6)).Span<long>().ToArray());
        Assert.Equal([1f, 2], Constant(Header("c", DType.C64, 1).Float(4, 1).Float(4, 2)).Span<float>().ToArray());
    }

    [Fact]
    public void An_initializer_wins_over_an_input_of_its_name()
    {
        var g = Load(Model(GraphOf([Node("A", ["x", "w"], ["y"])], [Value("x"), Value("w")], [Value("y")], TensorOf("w", DType.U8, [1], [9])), ir: 3)).Graph;
        Assert.Equal(["x"], g.Inputs.Select(i => i.Name));
        Assert.Equal(9, g.Nodes[0].Inputs[1]!.ConstantTensor!.Bytes[0]);
    }

    [Fact]
    public void Trailing_absent_operands_are_dropped()
    {
        var n = Load(Model(GraphOf([Node("A", ["x", "", ""], ["y", ""])], [Value("x")], [Value("y")]))).Graph.Nodes[0];
        Assert.Equal((1, 1, 1, 1), (n.Inputs.Count, n.Outputs.Count, n.Op.Attributes.InputCount, n.Op.Attributes.OutputCount));
    }

    [Fact]
    public void Raw_data_that_is_aligned_is_not_copied()
    {
        string path = Path.GetTempFileName();
        try
        {
            var weights = new float[1 << 20];
            weights.AsSpan().Fill(0.5f);
            for (int pad = 0; pad < 4; pad++)
            {
                File.WriteAllBytes(path, Model(GraphOf([Node("A", ["w"], ["y"])], [], [Value("y")],
                    TensorOf("w", DType.F32, [weights.Length], MemoryMarshal.AsBytes<float>(weights)), Header(new string('p', pad + 1), DType.F32, 0))).ToArray());
                long before = GC.GetAllocatedBytesForCurrentThread();
                var m = OnnxModelReader.Load(path, AnyOperator.Options with { MapFrom = 0 });
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
                Assert.All(m.Graph.Nodes[0].Inputs[0]!.ConstantTensor!.Span<float>().ToArray(), v => Assert.Equal(0.5f, v));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Streams_memory_and_files_read_alike()
    {
        byte[] bytes = SeedModels.All["plain"];
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            using var stream = new MemoryStream(bytes);
            foreach (var m in new[] { OnnxModelReader.Load(path, AnyOperator.Options), OnnxModelReader.Load(stream, AnyOperator.Options), OnnxModelReader.Load(bytes, AnyOperator.Options) })
                Assert.Equal([3, -1], m.Graph.Nodes[0].Inputs[1]!.ConstantTensor!.ToLongs());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Errors_name_what_is_wrong()
    {
        Fails<UnsupportedException>(Model(GraphOf([In("", "Nope", ["x"], ["y"])], [Value("x")], [Value("y")])), "node 'Nope_y' (Nope, opset 13)");
        Fails<UnsupportedException>(Model(GraphOf([], [], []), opset: 23), "opset 23");
        Fails<InvalidModelException>(Model(GraphOf([In("none", "A", ["x"], ["y"])], [Value("x")], [Value("y")])), "imports no opset of domain 'none'");
        Fails<InvalidModelException>(Model(GraphOf([Node("A", ["z"], ["y"])], [], [Value("y")])), "reads 'z', which nothing produces");
        Fails<InvalidModelException>(Model(GraphOf([], [], [Value("y")])), "output 'y' is never produced");
        Fails<InvalidModelException>(Model(GraphOf([Node("A", [], ["y"]), Node("B", [], ["y"])], [], [Value("y")])), "'y' is defined twice");
        Fails<InvalidModelException>(Model(GraphOf([], [Value("x"), Value("x")], [])), "'x' is defined twice");
        Fails<InvalidModelException>(Model(GraphOf([Node("A", ["b"], ["a"]), Node("B", ["a"], ["b"])], [], [Value("b")])), "cycle through node 'A_a'");
        Fails<InvalidModelException>(Model(GraphOf([Node("A", [], ["y"], Attribute("k", 2).Int(3, 1), Attribute("k", 2).Int(3, 1))], [], [Value("y")])), "attribute 'k' is given twice");
        Fails<InvalidModelException>(Model(GraphOf([Node("A", [], ["y"], new OnnxBytes().Text(1, "k").Text(21, "r"))], [], [Value("y")])), "outside a function");
        Fails<InvalidModelException>(new OnnxBytes().Int(1, 8), "no graph");
        Fails<InvalidModelException>(new OnnxBytes(), "empty");
        var e = Assert.Throws<InvalidModelException>(() => OnnxModelReader.Load("this is text, not a model"u8.ToArray(), name: "notes.txt"));
        Assert.StartsWith("notes.txt: ", e.Message, StringComparison.Ordinal);
        Assert.True(e.Offset >= 0);
    }

    [Fact]
    public void A_function_must_not_reach_itself()
    {
        var f = new OnnxBytes().Text(1, "f").Text(4, "a").Text(5, "b").Message(7, In("f", "g", ["a"], ["b"])).Text(10, "f");
        var g = new OnnxBytes().Text(1, "g").Text(4, "a").Text(5, "b").Message(7, In("f", "f", ["a"], ["b"])).Text(10, "f");
        Fails<InvalidModelException>(Model(GraphOf([In("f", "f", ["x"], ["y"])], [Value("x")], [Value("y")]), functions: [f, g]), "calls itself");
        Fails<InvalidModelException>(Model(GraphOf([], [], []), functions: [f, f]), "defined twice");
    }

    [Theory]
    [InlineData(new long[] { 3 }, "takes 12 bytes, raw data has 8")]
    [InlineData(new long[] { -1 }, "negative")]
    [InlineData(new long[] { 1L << 40, 1L << 40 }, "does not fit")]
    [InlineData(new long[] { 1L << 55 }, "raw data has 8")]
    [InlineData(new long[] { 0, 5 }, "takes 0 bytes")]
    public void Sizes_must_agree(long[] dims, string message) =>
        Fails<InvalidModelException>(Model(GraphOf([], [], [], TensorOf("w", DType.F32, dims, new byte[8]))), message);

    [Fact]
    public void Lists_must_agree_with_dims()
    {
        Fails<InvalidModelException>(Model(GraphOf([], [], [], Header("w", DType.I64, 2).Packed(7, 1))), "takes 2 values, its list has 1");
        Fails<InvalidModelException>(Model(GraphOf([], [], [], Header("w", DType.String, 2).Text(6, "a"))), "has 1 strings");
        Fails<InvalidModelException>(Model(GraphOf([], [], [], Header("w", (DType)99, 2))), "element type 99");
    }

    private static Tensor Constant(OnnxBytes tensor) =>
        Load(Model(GraphOf([Node("A", ["c"], ["y"])], [], [Value("y")], tensor))).Graph.Nodes[0].Inputs[0]!.ConstantTensor!;
}
