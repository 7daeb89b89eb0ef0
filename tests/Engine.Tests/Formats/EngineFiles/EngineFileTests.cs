using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Tensors;
using static Engine.Tests.Formats.EngineFiles.EngineFileSeeds;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>What is written comes back, as the same bytes each time.</summary>
public class EngineFileTests
{
    public static TheoryData<string> Seeds => [.. Models.Keys];

    [Theory, MemberData(nameof(Seeds))]
    public void A_model_comes_back(string seed)
    {
        byte[] bytes = Write(Models[seed], History);
        var back = Load(bytes);
        Same(Models[seed].Graph, back.Graph, []);
        Assert.Equal(Models[seed].Opsets, back.Opsets);
        Assert.Equal(Models[seed].Metadata, back.Metadata);
        Assert.Equal(Models[seed].Packed.Select(p => (p.Layout, p.Values.Type)), back.Packed.Select(p => (p.Layout, p.Values.Type)));
        foreach (var (p, q) in Models[seed].Packed.Zip(back.Packed)) SameTensor(p.Values, q.Values);
        Assert.Equal(bytes, Write(back, History));
    }

    private static void Same(ModelGraph a, ModelGraph b, Dictionary<Value, Value> wires)
    {
        Assert.Equal(a.Name, b.Name);
        Wires(a.Inputs, b.Inputs);
        Assert.Equal(a.Nodes.Count, b.Nodes.Count);
        foreach (var (m, n) in a.Nodes.Zip(b.Nodes))
        {
            Assert.Equal((m.Name, m.Op.Name, m.Op.Domain, m.Op.Attributes.Opset), (n.Name, n.Op.Name, n.Op.Domain, n.Op.Attributes.Opset));
            Assert.Equal((n.Inputs.Count, n.Outputs.Count), (n.Op.Attributes.InputCount, n.Op.Attributes.OutputCount));
            Wires(m.Inputs, n.Inputs);
            Assert.Equal(m.Op.Attributes.Values.Keys.Order(StringComparer.Ordinal), n.Op.Attributes.Values.Keys);
            foreach (var (key, value) in m.Op.Attributes.Values) SameAttribute(value, n.Op.Attributes.Values[key]);
            Wires(m.Outputs, n.Outputs);
        }
        Wires(a.Outputs, b.Outputs);

        void SameAttribute(object x, object y)
        {
            switch (x, y)
            {
                case (ModelGraph p, ModelGraph q): Same(p, q, wires); break;
                case (Tensor p, Tensor q): SameTensor(p, q); break;
                case (SparseTensor p, SparseTensor q):
                    SameTensor(p.Values, q.Values);
                    SameTensor(p.Indices, q.Indices);
                    Assert.Equal(p.Shape, q.Shape);
                    break;
                case (float p, float q): Assert.Equal(BitConverter.SingleToInt32Bits(p), BitConverter.SingleToInt32Bits(q)); break;
                case (DeclaredType p, DeclaredType q): Assert.Equal(p.ToString(), q.ToString()); break;
                case (Array p, Array q):
                    Assert.Equal(p.GetType(), q.GetType());
                    Assert.Equal(p.Length, q.Length);
                    for (int i = 0; i < p.Length; i++) SameAttribute(p.GetValue(i)!, q.GetValue(i)!);
                    break;
                default: Assert.Equal(x, y); break;
            }
        }

        void Wires(IEnumerable<Value?> p, IEnumerable<Value?> q)
        {
            Assert.Equal(p.Count(), q.Count());
            foreach (var (x, y) in p.Zip(q))
            {
                Assert.Equal(x is null, y is null);
                if (x is null || y is null) continue;
                if (wires.TryGetValue(x, out var known))
                {
                    Assert.Same(known, y);
                    continue;
                }
                wires.Add(x, y);
                Assert.Equal((x.Name, x.Declared?.ToString(), x.Quantization), (y.Name, y.Declared?.ToString(), y.Quantization));
                Assert.Equal(x.Constant?.ToString(), y.Constant?.ToString());
                if (x.Constant is { } w) SameTensor(w.Decode(), y.Constant!.Decode());
            }
        }
    }

    private static void SameTensor(Tensor a, Tensor b)
    {
        Assert.Equal(a.Type, b.Type);
        if (a.DType == DType.String) Assert.Equal(a.Strings, b.Strings);
        else Assert.Equal(a.Bytes.ToArray(), b.Bytes.ToArray());
    }

    [Fact]
    public void Every_weight_form_can_be_stored()
    {
        var forms = typeof(Weight).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Weight)) && !t.IsAbstract).ToHashSet();
        // A view of another weight, made when a part of a model is chosen.
        Assert.True(forms.Remove(typeof(Leading)));
        Assert.Equal(forms, WeightForms.Types.ToHashSet());
        Assert.Equal(forms, WeightSamples.All().Select(w => w.GetType()).ToHashSet());
    }

    [Fact]
    public void Provenance_comes_back()
    {
        string path = Path.GetTempFileName();
        try
        {
            EngineFileWriter.Write(Models["plain"], path, History);
            var info = EngineFileReader.Inspect(path, AnyOperator.Options);
            Assert.Equal(1, info.Version);
            Assert.Equal(History.Layers, info.Provenance.Layers);
            Assert.Equal(History with { Layers = info.Provenance.Layers }, info.Provenance);
            Assert.Equal(["shape", "w"], info.Sections.Select(s => s.Entry.Name).Order());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void What_two_wires_share_is_stored_once()
    {
        var w = new Dense(WeightSamples.Floats(new Random(1), 16, 16));
        var model = Weights([w, new Scaled(w, row: WeightSamples.Floats(new Random(2), 16)), w]);
        var back = Load(Write(model)).Graph;
        Assert.Same(back.Nodes[0].Inputs[2]!.Constant, back.Nodes[2].Inputs[2]!.Constant);
        Assert.Same(((Dense)back.Nodes[0].Inputs[2]!.Constant!).Values, ((Dense)((Scaled)back.Nodes[1].Inputs[2]!.Constant!).Inner).Values);
    }

    [Fact]
    public void Names_that_collide_are_told_apart()
    {
        var g = new ModelGraph("g");
        foreach (string name in new[] { "w", "w", "", "__seal__", "__padding__/0", "__metadata__", "w#2" })
            g.Outputs.Add(Value.Of(name, Tensor.Scalar((float)g.Outputs.Count)));
        // Outputs have distinct names; constants of nodes need not.
        var node = new Node("n", new AnyOperator("A", new Attributes(1)), [.. g.Outputs], [new Value("y")]);
        g.Outputs.Clear();
        g.Outputs.Add(node.Outputs[0]!);
        g.Nodes.Add(node);
        var back = Load(Write(new ModelDefinition(g) { Opsets = new Dictionary<string, int> { ["t"] = 1 } })).Graph.Nodes[0];
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], back.Inputs.Select(v => v!.ConstantTensor!.Span<float>()[0]));
        Assert.Equal(node.Inputs.Select(v => v!.Name), back.Inputs.Select(v => v!.Name));
    }

    [Fact]
    public void Large_sections_are_checked_when_first_used()
    {
        string path = Path.GetTempFileName();
        try
        {
            var model = Weights([new Dense(WeightSamples.Floats(new Random(1), 100, 1000)), new Dense(WeightSamples.Floats(new Random(2), 100, 1000)), new Dense(Tensor.Vector(1f, 2))]);
            byte[] bytes = Write(model);
            int at = bytes.AsSpan().IndexOf(((Dense)model.Graph.Nodes[1].Inputs[2]!.Constant!).Values.Bytes);
            bytes[at + 123_456] ^= 16;
            File.WriteAllBytes(path, bytes);
            foreach (long mapFrom in new[] { 0, long.MaxValue })
            {
                var options = AnyOperator.Options with { MapFrom = mapFrom };
                Assert.Contains("section 'w1'", Assert.Throws<InvalidModelException>(() => EngineFileReader.Load(path, options with { VerifyChecksums = true })).Message, StringComparison.Ordinal);
                var nodes = EngineFileReader.Load(path, options).Graph.Nodes;
                SameTensor(((Dense)model.Graph.Nodes[0].Inputs[2]!.Constant!).Values, ((Dense)nodes[0].Inputs[2]!.Constant!).Values);
                for (int i = 0; i < 2; i++)
                {
                    var e = Assert.Throws<InvalidModelException>(() => nodes[1].Inputs[2]!.ConstantTensor!.Bytes.Length);
                    Assert.Equal((path, (long)at), (e.File, e.Offset));
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Mapped_weights_are_views_of_the_file()
    {
        string path = Path.GetTempFileName();
        try
        {
            EngineFileWriter.Write(Weights([new Dense(Tensor.Allocate(DType.F32, new Shape(4 << 20)))]), path);
            long before = GC.GetAllocatedBytesForCurrentThread();
            var model = EngineFileReader.Load(path, AnyOperator.Options with { MapFrom = 0, VerifyChecksums = true });
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
            Assert.Equal(4 << 20, model.Graph.Nodes[0].Inputs[2]!.ConstantTensor!.Shape.Elements);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_checksum_is_the_published_one()
    {
        Assert.Equal(0xE3069283, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
        Assert.Equal(0u, Crc32C.Of([]));
    }
}
