using System.Diagnostics;
using Engine.Formats.Onnx;
using Engine.Tensors;
using static Engine.Tests.Formats.OnnxBytes;

namespace Engine.Tests.Formats;

/// <summary>Whatever the bytes are: a model or a typed error, soon, and in bounded memory.</summary>
public class OnnxHostileTests
{
    // Set by hand in the bounded runs: every third position keeps them below a second.
    private const int Share = 3;

    public static TheoryData<string> Seeds => [.. SeedModels.All.Keys];

    /// <summary>Loads; any exception but the documented ones fails the test, and so does a slow or a big load.</summary>
    private static EngineException? Try(byte[] bytes, OnnxReadOptions? options = null)
    {
        // A second for what is small; the rest is linear. A busy machine may be slow once, not three times.
        double allowed = 1 + bytes.Length / (4.0 * (1 << 20)), taken = 0;
        for (int attempt = 0; attempt < 3; attempt++)
        {
            var clock = Stopwatch.StartNew();
            var error = Load(bytes, options ?? AnyOperator.Options);
            taken = clock.Elapsed.TotalSeconds;
            if (taken < allowed) return error;
        }
        throw new Xunit.Sdk.XunitException($"{taken} s for {bytes.Length} bytes");
    }

    private static EngineException? Load(byte[] bytes, OnnxReadOptions options)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        EngineException? error = null;
        try
        {
            OnnxModelReader.Load(bytes, options);
        }
        catch (EngineException e)
        {
            error = e;
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, options.MaxMemory ?? 2L * bytes.Length + (64L << 20));
        return error;
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Every_truncation(string seed)
    {
        byte[] bytes = SeedModels.All[seed];
        for (int n = 0; n < bytes.Length; n++) Try(bytes[..n]);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Bit_flips(string seed) => Flip(SeedModels.All[seed], Share);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Every_bit_flip(string seed) => Flip(SeedModels.All[seed], 1);

    [Theory, MemberData(nameof(Seeds)), Trait("Category", "Soak")]
    public void Random_mutations(string seed) => Mutate(SeedModels.All[seed], 200_000);

    [Theory, MemberData(nameof(Seeds))]
    public void Some_random_mutations(string seed) => Mutate(SeedModels.All[seed], 500);

    private static void Flip(byte[] seed, int step)
    {
        for (int bit = 0; bit < Math.Min(seed.Length, 4096) * 8; bit += step)
        {
            seed = [.. seed];
            seed[bit / 8] ^= (byte)(1 << bit % 8);
            Try(seed);
            seed[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    private static void Mutate(byte[] seed, int count)
    {
        var random = new Random(42);
        for (int i = 0; i < count; i++) Try(Mutations.Of(seed, random));
    }

    [Theory]
    [InlineData(100_000, "nested deeper than 64")]
    [InlineData(40, "nested deeper than 64")]
    public void Deep_nesting(int levels, string message)
    {
        // graph { node { attribute { g { … } } } }, from the inside out, so that lengths are known.
        byte[] inner = [];
        var prefix = new List<byte[]>();
        long length = 0;
        for (int i = 0; i < levels; i++)
        {
            foreach (int field in new[] { 6, 5, 1 })
            {
                byte[] head = new OnnxBytes().Varint((ulong)field << 3 | 2).Varint((ulong)length).ToArray();
                prefix.Add(head);
                length += head.Length;
            }
        }
        prefix.Reverse();
        byte[] model = new OnnxBytes().Int(1, 8).Varint(7 << 3 | 2).Varint((ulong)length).Raw(prefix.SelectMany(p => p).ToArray()).Raw(inner).ToArray();
        Assert.Contains(message, Assert.IsType<InvalidModelException>(Try(model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deeply_nested_types()
    {
        byte[] type = [];
        for (int i = 0; i < 300; i++) type = new OnnxBytes().Bytes(i % 2 == 0 ? 1 : 4, type).ToArray();
        var model = Model(GraphOf([], [new OnnxBytes().Text(1, "x").Bytes(2, type)], []));
        Assert.IsType<InvalidModelException>(Try(model.ToArray()));
    }

    [Fact]
    public void Many_empty_messages_are_refused_before_they_are_parsed()
    {
        byte[] nodes = new byte[8 << 20];
        for (int i = 0; i < nodes.Length; i += 2) nodes[i] = 1 << 3 | 2;
        Assert.IsType<MemoryLimitException>(Try(new OnnxBytes().Int(1, 8).Bytes(7, nodes).ToArray()));
        for (int i = 0; i < nodes.Length; i += 2) nodes[i] = 5 << 3 | 2;
        Assert.IsType<MemoryLimitException>(Try(new OnnxBytes().Int(1, 8).Bytes(7, nodes).ToArray()));
        // The same count of numbers in one list: a byte each on the wire, eight in memory.
        var ints = Attribute("k", 7).Bytes(8, new byte[16 << 20]);
        Assert.IsType<MemoryLimitException>(Try(Model(GraphOf([Node("A", [], ["y"], ints)], [], [Value("y")])).ToArray()));
    }

    [Fact]
    public void Typed_lists_count_before_they_are_decoded()
    {
        var list = Header("w", DType.I64, 12 << 20).Bytes(7, new byte[12 << 20]);
        byte[] model = Model(GraphOf([], [], [], list)).ToArray();
        Assert.IsType<MemoryLimitException>(Try(model));
        Assert.Null(Try(model, AnyOperator.Options with { MaxMemory = 1 << 30 }));
    }

    [Fact]
    public void A_sparse_tensor_of_an_exabyte()
    {
        var sparse = new OnnxBytes().Message(1, TensorOf("sp", DType.F32, [1], new byte[4])).Message(2, Header("", DType.I64, 1).Packed(7, 0)).Packed(3, 1L << 25, 1L << 30);
        var model = Model(new OnnxBytes().Raw(GraphOf([], [], []).ToArray()).Message(15, sparse));
        Assert.IsType<MemoryLimitException>(Try(model.ToArray()));
        foreach (long[] dims in new[] { new[] { long.MaxValue, 2 }, new[] { -1L }, new[] { 0L }, [.. Enumerable.Repeat(1L, 65)] })
        {
            sparse = new OnnxBytes().Message(1, TensorOf("sp", DType.F32, [1], new byte[4])).Message(2, Header("", DType.I64, 1).Packed(7, 0)).Packed(3, dims);
            Assert.NotNull(Try(Model(new OnnxBytes().Raw(GraphOf([], [], []).ToArray()).Message(15, sparse)).ToArray()));
        }
    }

    [Fact]
    public void Sparse_indices_outside_the_shape()
    {
        foreach (long[] indices in new[] { new[] { 1L, 6 }, [-1, 1], [4, 1], [2, 2] })
        {
            var sparse = new OnnxBytes().Message(1, TensorOf("sp", DType.F32, [2], new byte[8])).Message(2, Header("", DType.I64, 2).Packed(7, indices)).Packed(3, 2, 3);
            Assert.IsType<InvalidModelException>(Try(Model(new OnnxBytes().Raw(GraphOf([], [], []).ToArray()).Message(15, sparse)).ToArray()));
        }
    }

    [Fact]
    public void Functions_that_double_at_every_level()
    {
        var functions = new List<OnnxBytes>();
        for (int i = 0; i < 40; i++)
        {
            functions.Add(new OnnxBytes().Text(1, $"f{i}").Text(4, "a").Text(5, "b").Text(10, "f").Message(9, Opset("t", 1))
                .Message(7, i == 0 ? Node("A", ["a"], ["h"]) : In("f", $"f{i - 1}", ["a"], ["h"]), i == 0 ? Node("A", ["h"], ["b"]) : In("f", $"f{i - 1}", ["h"], ["b"])));
        }
        var model = Model(GraphOf([In("f", "f39", ["x"], ["y"])], [Value("x")], [Value("y")]), functions: [.. functions]);
        Assert.IsType<MemoryLimitException>(Try(model.ToArray()));
    }

    [Fact]
    public void A_long_chain_of_functions()
    {
        var functions = new List<OnnxBytes>();
        for (int i = 0; i < 5000; i++)
            functions.Add(new OnnxBytes().Text(1, $"f{i}").Text(4, "a").Text(5, "b").Text(10, "f").Message(7, In("f", $"f{i + 1}", ["a"], ["b"])));
        var model = Model(GraphOf([In("f", "f0", ["x"], ["y"])], [Value("x")], [Value("y")]), functions: [.. functions]);
        Assert.Contains("nested deeper", Assert.IsType<InvalidModelException>(Try(model.ToArray())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_with_many_inputs_called_often()
    {
        var inputs = Enumerable.Range(0, 20_000).Select(i => $"i{i}").ToArray();
        var f = new OnnxBytes().Text(1, "f").Text(4, inputs).Text(5, "b").Text(10, "f").Message(7, Node("A", [], ["b"])).Message(9, Opset("t", 1));
        var calls = Enumerable.Range(0, 20_000).Select(i => In("f", "f", [], [$"o{i}"])).ToArray();
        Assert.IsType<MemoryLimitException>(Try(Model(GraphOf(calls, [], []), functions: [f]).ToArray()));
    }

    [Fact]
    public void Long_chains_of_nodes_backwards_are_sorted_in_time()
    {
        var nodes = Enumerable.Range(0, 20_000).Select(i => Node("A", [$"v{i}"], [$"v{i + 1}"])).Reverse().ToArray();
        Assert.Null(Try(Model(GraphOf(nodes, [Value("v0")], [Value("v20000")])).ToArray()));
    }

    [Fact]
    public void Wrong_wire_types_name_the_byte()
    {
        var e = Assert.IsType<InvalidModelException>(Try(new OnnxBytes().Int(7, 5).ToArray()));
        Assert.Equal(0, e.Offset);
        e = Assert.IsType<InvalidModelException>(Try([8, 8, 7 << 3 | 2, 100]));
        Assert.Equal(2, e.Offset);
    }

    [Fact]
    public void Fields_of_the_reduced_form_cannot_be_forged()
    {
        var tensor = TensorOf("w", DType.U8, [1], [7]).Int(1001, 0).Int(1002, 1 << 30);
        Assert.Null(Try(Model(GraphOf([], [], [], tensor)).ToArray()));
    }

    [Fact]
    public void Random_bytes()
    {
        var random = new Random(7);
        for (int i = 0; i < 2000; i++)
        {
            var bytes = new byte[random.Next(1, 200)];
            random.NextBytes(bytes);
            Try(bytes);
        }
    }

    [Fact]
    public void Test_data_is_no_more_trusted()
    {
        byte[] tensor = TensorOf("w", DType.F32, [2], new byte[8]).ToArray();
        byte[] sequence = new OnnxBytes().Bytes(3, tensor).Bytes(3, tensor).ToArray();
        DeclaredType f32 = new DeclaredType.Tensor(DType.F32, null), list = new DeclaredType.Sequence(f32), optional = new DeclaredType.Optional(list);
        Assert.Equal(2, Assert.IsType<TensorSequence>(OnnxTensorFile.Read(sequence, list)).Items.Count);
        Assert.IsType<AbsentValue>(OnnxTensorFile.Read([], optional));
        foreach (var (bytes, type) in new[] { (tensor, f32), (sequence, list), (new OnnxBytes().Bytes(5, sequence).ToArray(), optional) })
        {
            OnnxTensorFile.Read(bytes, type);
            for (int bit = 0; bit < bytes.Length * 8; bit++)
            {
                byte[] mutant = [.. bytes];
                mutant[bit / 8] ^= (byte)(1 << bit % 8);
                try
                {
                    OnnxTensorFile.Read(mutant, type);
                    OnnxTensorFile.Read(mutant.AsSpan(0, bit / 8), type);
                }
                catch (EngineException)
                {
                }
            }
        }
    }
}
