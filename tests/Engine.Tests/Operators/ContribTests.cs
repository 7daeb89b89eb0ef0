using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>com.microsoft operators against compositions of plain ones.</summary>
public class ContribTests
{
    private const string Microsoft = "com.microsoft";
    private readonly Random _random = new(23);

    [Fact]
    public void Activations_add_their_bias_first()
    {
        var (x, bias, skip) = (F32(3, 5, 7), F32(7), F32(3, 5, 7));
        var sum = OpRunner.One("Add", 14, [x, bias]);
        var erf = new Dictionary<string, object>();
        var tanh = new Dictionary<string, object> { ["approximate"] = "tanh" };
        Close(OpRunner.One("Gelu", 20, [x], erf), One("Gelu", [x]));
        Close(OpRunner.One("Gelu", 20, [sum], erf), One("BiasGelu", [x, bias]));
        Close(OpRunner.One("Gelu", 20, [x], tanh), One("FastGelu", [x]));
        Close(OpRunner.One("Gelu", 20, [sum], tanh), One("FastGelu", [x, bias]));
        Close(OpRunner.One("Mul", 14, [x, OpRunner.One("Sigmoid", 13, [OpRunner.One("Mul", 14, [x, Tensor.Scalar(1.5f)])])]), One("QuickGelu", [x], new() { ["alpha"] = 1.5f }));
        Close(OpRunner.One("Add", 14, [sum, skip]), One("BiasAdd", [x, bias, skip]));
    }

    [Fact]
    public void Skip_layer_normalization_normalizes_the_sum()
    {
        var (x, skip, gamma, beta, bias) = (F32(2, 3, 8), F32(2, 3, 8), F32(8), F32(8), F32(8));
        var attributes = new Dictionary<string, object> { ["epsilon"] = 1e-5f };
        foreach (var s in new[] { skip, F32(3, 8), F32(1, 3, 8) })
        {
            var sum = OpRunner.One("Add", 14, [OpRunner.One("Add", 14, [x, s]), bias]);
            var r = OpRunner.Run("SkipLayerNormalization", 1, [x, s, gamma, beta, bias], attributes, 4, Microsoft);
            Close(OpRunner.One("LayerNormalization", 17, [sum, gamma, beta], attributes), (Tensor)r[0]!);
            Close(sum, (Tensor)r[3]!);
            var simple = OpRunner.Run("SkipSimplifiedLayerNormalization", 1, [x, s, gamma, bias], attributes, 4, Microsoft);
            Close(OpRunner.One("SimplifiedLayerNormalization", 1, [sum, gamma], attributes), (Tensor)simple[0]!);
            Close(sum, (Tensor)simple[3]!);
        }
        var y = OpRunner.One("SimplifiedLayerNormalization", 1, [x, gamma], attributes);
        for (int r = 0; r < 6; r++)
        {
            var row = x.Span<float>().Slice(8 * r, 8);
            double square = 0;
            foreach (float v in row) square += v * v;
            for (int i = 0; i < 8; i++) Assert.Equal(row[i] / Math.Sqrt(square / 8 + 1e-5) * gamma.Span<float>()[i], y.Span<float>()[8 * r + i], 1e-5);
        }
    }

    [Fact]
    public void Embed_layer_normalization_sums_embeddings()
    {
        var (word, position, segment, gamma, beta) = (F32(11, 6), F32(4, 6), F32(2, 6), F32(6), F32(6));
        var ids = Tensor.From(new Shape(2, 3), new[] { 1, 10, 3, 0, 5, 5 });
        var segments = Tensor.From(new Shape(2, 3), new[] { 0, 1, 1, 0, 0, 1 });
        var mask = Tensor.From(new Shape(2, 3), new[] { 1, 1, 0, 1, 1, 1 });
        var r = OpRunner.Run("EmbedLayerNormalization", 1, [ids, segments, word, position, segment, gamma, beta, mask], null, 3, Microsoft);
        var sum = OpRunner.One("Add", 14, [OpRunner.One("Add", 14, [OpRunner.One("Gather", 13, [word, ids]), OpRunner.One("Gather", 13, [position, Tensor.Vector(0, 1, 2)])]), OpRunner.One("Gather", 13, [segment, segments])]);
        Close(OpRunner.One("LayerNormalization", 17, [sum, gamma, beta], new() { ["epsilon"] = 1e-12f }), (Tensor)r[0]!);
        Assert.Equal([2, 3], ((Tensor)r[1]!).Span<int>().ToArray());
        Close(sum, (Tensor)r[2]!);
        Assert.Throws<OperatorException>(() => OpRunner.One("EmbedLayerNormalization", 1, [Tensor.From(new Shape(1, 1), new[] { 11 }), null, word, position, null, gamma, beta], domain: Microsoft));
    }

    [Theory]
    [InlineData(4, 32, 64, false)]
    [InlineData(4, 16, 40, true)]
    [InlineData(2, 16, 48, true)]
    [InlineData(3, 16, 48, false)]
    [InlineData(8, 32, 64, true)]
    public void MatMulNBits_multiplies_by_the_decoded_weight(int bits, int block, int k, bool zeros)
    {
        const int N = 19;
        int blocks = (k + block - 1) / block, zeroRow = (blocks * bits + 7) / 8;
        var (x, scales, bias) = (F32(2, 5, k), F32(N * blocks), F32(N));
        var codes = Tensor.Allocate(DType.U8, new Shape(N, blocks, block * bits / 8));
        var packed = Tensor.Allocate(DType.U8, new Shape(N * zeroRow));
        _random.NextBytes(codes.Bytes);
        _random.NextBytes(packed.Bytes);
        var floats = Tensor.Allocate(DType.F32, new Shape(N * blocks));
        var w = Tensor.Allocate(DType.F32, new Shape(k, N));
        for (int n = 0; n < N; n++)
        {
            int Bit(Span<byte> s, long at) => s[(int)(at >> 3)] >> (int)(at & 7) & 1;
            for (int i = 0; i < k; i++)
            {
                int code = 0, zero = 0;
                for (int j = 0; j < bits; j++)
                {
                    code |= Bit(codes.Bytes, ((long)n * blocks * block + i) * bits + j) << j;
                    zero |= Bit(packed.Bytes, n * zeroRow * 8L + i / block * bits + j) << j;
                }
                if (!zeros) zero = 1 << (bits - 1);
                floats.Span<float>()[n * blocks + i / block] = zero;
                w.Span<float>()[i * N + n] = (code - zero) * scales.Span<float>()[n * blocks + i / block];
            }
        }
        var attributes = new Dictionary<string, object> { ["N"] = (long)N, ["K"] = (long)k, ["bits"] = (long)bits, ["block_size"] = (long)block };
        var expected = OpRunner.One("Add", 14, [OpRunner.One("MatMul", 13, [x, w]), bias]);
        Close(expected, One("MatMulNBits", [x, codes, scales, zeros ? packed : null, null, bias], attributes));
        Close(expected, One("MatMulNBits", [x, codes, scales, floats, null, bias], attributes));
    }

    [Fact]
    public void MatMulNBits_with_constants_becomes_a_product_with_a_quantized_weight()
    {
        var (codes, zeros) = (Tensor.Allocate(DType.U8, new Shape(6, 2, 8)), Tensor.Allocate(DType.U8, new Shape(6)));
        _random.NextBytes(codes.Bytes);
        _random.NextBytes(zeros.Bytes);
        var (input, scales, bias) = (F32(3, 32), F32(12), F32(6));
        var attributes = new Dictionary<string, object> { ["N"] = 6L, ["K"] = 32L, ["bits"] = 4L, ["block_size"] = 16L };
        var (x, y) = (new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(3), new Dim(32)])), new Value("y"));
        var graph = new ModelGraph("g");
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create(Microsoft, "MatMulNBits", new Attributes(1, attributes), "n"),
            [x, Value.Of("b", codes), Value.Of("s", scales), Value.Of("z", zeros), null, Value.Of("c", bias)], [y]));

        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 1);

        Assert.Equal(["FusedMatMul", "Add"], graph.Nodes.Select(n => n.Op.Name));
        Assert.Equal("Quantized(4, g16, zero)", Assert.IsType<Quantized>(graph.Nodes[0].Inputs[1]!.Constant).Describe());
        Close(One("MatMulNBits", [input, codes, scales, zeros, null, bias], attributes), (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [input])[0]);
    }

    [Fact]
    public void GatherBlockQuantized_gathers_from_the_dequantized_data()
    {
        var data = Tensor.Allocate(DType.U4, new Shape(5, 3, 32));
        _random.NextBytes(data.Bytes);
        var (scales, zeros) = (F32(5, 3, 2), Tensor.Allocate(DType.U4, new Shape(5, 3, 2)));
        _random.NextBytes(zeros.Bytes);
        var indices = Tensor.From(new Shape(2, 2), new long[] { 4, 0, -1, 2 });
        var dense = OpRunner.One("DequantizeLinear", 21, [data, scales, zeros], new() { ["axis"] = 2L, ["block_size"] = 16L });
        var attributes = new Dictionary<string, object> { ["gather_axis"] = 0L, ["quantize_axis"] = 2L, ["block_size"] = 16L };
        Close(OpRunner.One("Gather", 13, [dense, indices]), One("GatherBlockQuantized", [data, indices, scales, zeros], attributes));
        var bytes = Tensor.From(new Shape(5, 3, 16), data.Bytes.ToArray());
        var middle = Tensor.Allocate(DType.U4, new Shape(5, 3, 2));
        middle.Bytes.Fill(0x88);
        var around = OpRunner.One("DequantizeLinear", 21, [data, scales, middle], new() { ["axis"] = 2L, ["block_size"] = 16L });
        Close(OpRunner.One("Gather", 13, [around, indices]), One("GatherBlockQuantized", [bytes, indices, scales], attributes));
    }

    [Theory]
    [InlineData(DType.U4, 0, 2, 4)]
    [InlineData(DType.I4, 1, 2, 4)]
    [InlineData(DType.U4, 2, 0, 4)]
    [InlineData(DType.I4, 0, 1, 4)]
    [InlineData(DType.U8, 1, 0, 8)]
    [InlineData(DType.U8, 0, 2, 8)]
    public void GatherBlockQuantized_of_constants_is_a_Gather_from_a_quantized_weight(DType type, int gather, int quantize, int bits)
    {
        foreach (bool withZeros in new[] { false, true })
        {
            var shape = new Shape(18, 20, 22);
            var scaleShape = shape.With(quantize, Checked.CeilDiv(shape[quantize], 16));
            var data = Tensor.Allocate(type, shape);
            _random.NextBytes(data.Bytes);
            Tensor? zeros = withZeros ? Tensor.Allocate(type, scaleShape) : null;
            if (zeros is not null) _random.NextBytes(zeros.Bytes);
            var scales = F32([.. scaleShape.Dims]);
            var indices = Tensor.From(new Shape(3), new long[] { 5, -1, 0 });
            var attributes = new Dictionary<string, object> { ["gather_axis"] = (long)gather, ["quantize_axis"] = (long)quantize, ["block_size"] = 16L, ["bits"] = (long)bits };
            Tensor?[] operands = zeros is null ? [data, indices, scales] : [data, indices, scales, zeros];
            var op = OperatorRegistry.Standard.Create("com.microsoft", "GatherBlockQuantized", new Attributes(1, attributes) { InputCount = operands.Length }, "g");
            var g = new ModelGraph("g");
            Value x = new("x", new DeclaredType.Tensor(DType.I64, [new Dim(3)])), y = new("y");
            g.Inputs.Add(x);
            g.Outputs.Add(y);
            g.Nodes.Add(new Node("g", op, [Value.Of("data", data), x, Value.Of("scales", scales), zeros is null ? null : Value.Of("zeros", zeros)], [y]));
            using var model = Model.Create(new ModelDefinition(g) { Opsets = new Dictionary<string, int> { [""] = 21, ["com.microsoft"] = 1 } });
            var inputs = new Dictionary<string, RuntimeValue> { ["x"] = indices };
            Assert.Equal(("Gather", "gather-codes"), (Assert.Single(model.Plan(inputs).Steps).Operator, model.Plan(inputs).Steps[0].Stem));
            using var session = model.CreateSession();
            var actual = (Tensor)session.Run(inputs)["y"];
            Assert.Equal(One("GatherBlockQuantized", operands!, attributes).Bytes.ToArray(), actual.Bytes.ToArray());
            if (type == DType.U8 && zeros is null) continue;
            var dense = OpRunner.One("DequantizeLinear", 21, [data, scales, zeros], new() { ["axis"] = (long)quantize, ["block_size"] = 16L });
            Close(OpRunner.One("Gather", 13, [dense, indices], new() { ["axis"] = (long)gather }), actual);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RotaryEmbedding_turns_pairs(bool interleaved)
    {
        var (x, cos, sin) = (F32(2, 3, 8), F32(9, 2), F32(9, 2));
        var positions = Tensor.From(new Shape(2, 3), new long[] { 0, 8, 3, 4, 4, 1 });
        var y = One("RotaryEmbedding", [x, positions, cos, sin], new() { ["interleaved"] = interleaved ? 1L : 0L });
        // Two heads of four elements, two pairs each.
        for (int i = 0; i < 6; i++)
            for (int h = 0; h < 2; h++)
                for (int j = 0; j < 2; j++)
                {
                    int at = i * 8 + h * 4, a = at + (interleaved ? 2 * j : j), b = at + (interleaved ? 2 * j + 1 : j + 2), p = (int)positions.Span<long>()[i] * 2 + j;
                    float u = x.Span<float>()[a], v = x.Span<float>()[b], k = cos.Span<float>()[p], s = sin.Span<float>()[p];
                    Assert.Equal(u * k - v * s, y.Span<float>()[a], 1e-5);
                    Assert.Equal(u * s + v * k, y.Span<float>()[b], 1e-5);
                }
        Assert.Throws<OperatorException>(() => One("RotaryEmbedding", [x, Tensor.Vector(7L), cos, sin]));
    }

    // Attention by matrix products over [B, N, S, H].
    private static Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor? bias, float scale)
    {
        var scores = OpRunner.One("Mul", 14, [OpRunner.One("MatMul", 13, [q, OpRunner.One("Transpose", 13, [k], new() { ["perm"] = new long[] { 0, 1, 3, 2 } })]), Tensor.Scalar(scale)]);
        if (bias is not null) scores = OpRunner.One("Add", 14, [scores, bias]);
        return Merge(OpRunner.One("MatMul", 13, [OpRunner.One("Softmax", 13, [scores]), v]));
    }

    private static Tensor Split(Tensor t, int heads) => OpRunner.One("Transpose", 13, [t.Reshape(new Shape(t.Shape[0], t.Shape[1], heads, t.Shape[2] / heads))], new() { ["perm"] = new long[] { 0, 2, 1, 3 } });

    private static Tensor Merge(Tensor t) => OpRunner.One("Transpose", 13, [t], new() { ["perm"] = new long[] { 0, 2, 1, 3 } }).Reshape(new Shape(t.Shape[0], t.Shape[2], t.Shape[1] * t.Shape[3]));

    [Fact]
    public void MultiHeadAttention_equals_products_and_softmax()
    {
        const int B = 2, S = 3, L = 5, N = 2, H = 4, V = 3;
        var (q, k, v) = (F32(B, S, N * H), F32(B, L, N * H), F32(B, L, N * V));
        var attributes = new Dictionary<string, object> { ["num_heads"] = (long)N };
        Close(Attend(Split(q, N), Split(k, N), Split(v, N), null, 0.5f), One("MultiHeadAttention", [q, k, v], attributes));
        Close(Attend(Split(q, N), Split(k, N), Split(v, N), null, 0.5f), One("MultiHeadAttention", [q, Split(k, N), Split(v, N)], attributes));

        var bias = F32(N * (2 * H + V));
        Tensor Piece(int start, int count) => Tensor.Vector<float>(bias.Span<float>().Slice(start, count));
        Tensor Plus(Tensor t, Tensor b) => OpRunner.One("Add", 14, [t, b]);
        var (qb, kb, vb) = (Plus(q, Piece(0, N * H)), Plus(k, Piece(N * H, N * H)), Plus(v, Piece(2 * N * H, N * V)));
        var addend = F32(1, N, S, L);
        Close(Attend(Split(qb, N), Split(kb, N), Split(vb, N), addend, 0.5f), One("MultiHeadAttention", [q, k, v, bias, null, addend], attributes));
        Close(Attend(Split(qb, N), Split(kb, N), Split(vb, N), addend, 0.5f), One("MultiHeadAttention", [q, Split(k, N), Split(v, N), bias, null, addend], attributes));

        var lengths = Tensor.Vector(2, 5);
        var keys = Tensor.From(new Shape(B, L), new[] { 1, 1, 0, 0, 0, 1, 1, 1, 1, 1 });
        var hidden = Tensor.From(new Shape(B, 1, 1, L), keys.Span<int>().ToArray().Select(m => m == 0 ? -10000f : 0).ToArray());
        var masked = Attend(Split(q, N), Split(k, N), Split(v, N), hidden, 0.5f);
        Close(masked, One("MultiHeadAttention", [q, k, v, null, lengths], attributes));
        Close(masked, One("MultiHeadAttention", [q, k, v, null, keys], attributes));

        var (pastK, pastV) = (F32(B, N, 2, H), F32(B, N, 2, V));
        var r = OpRunner.Run("MultiHeadAttention", 1, [q, k, v, null, null, null, pastK, pastV], attributes, 3, Microsoft);
        var (allK, allV) = (OpRunner.One("Concat", 13, [pastK, Split(k, N)], new() { ["axis"] = 2L }), OpRunner.One("Concat", 13, [pastV, Split(v, N)], new() { ["axis"] = 2L }));
        Close(Attend(Split(q, N), allK, allV, null, 0.5f), (Tensor)r[0]!);
        Close(allK, (Tensor)r[1]!);
        Close(allV, (Tensor)r[2]!);
        Close((Tensor)r[0]!, One("MultiHeadAttention", [q, k, v, null, null, null, pastK, pastV], attributes));
    }

    [Fact]
    public void Attention_projects_first_and_may_be_causal()
    {
        const int B = 2, S = 4, D = 6, N = 2, H = 4, P = 3;
        var (x, w, bias, past) = (F32(B, S, D), F32(D, 3 * N * H), F32(3 * N * H), F32(2, B, N, P, H));
        var qkv = OpRunner.One("Add", 14, [OpRunner.One("MatMul", 13, [x, w]), bias]);
        Tensor Part(Tensor t, int axis, int start, int end) => OpRunner.One("Slice", 13, [t, Tensor.Vector((long)start), Tensor.Vector((long)end), Tensor.Vector((long)axis)]);
        var (q, k, v) = (Split(Part(qkv, 2, 0, 8), N), Split(Part(qkv, 2, 8, 16), N), Split(Part(qkv, 2, 16, 24), N));
        var attributes = new Dictionary<string, object> { ["num_heads"] = (long)N };
        Close(Attend(q, k, v, null, 0.5f), One("Attention", [x, w, bias], attributes));

        Tensor Past(int i) => Part(past, 0, i, i + 1).Reshape(new Shape(B, N, P, H));
        var (allK, allV) = (OpRunner.One("Concat", 13, [Past(0), k], new() { ["axis"] = 2L }), OpRunner.One("Concat", 13, [Past(1), v], new() { ["axis"] = 2L }));
        var causal = Tensor.Allocate(DType.F32, new Shape(1, 1, S, P + S));
        for (int s = 0; s < S; s++) causal.Span<float>().Slice(s * (P + S) + P + s + 1, S - s - 1).Fill(-1e30f);
        var r = OpRunner.Run("Attention", 1, [x, w, bias, null, past], new(attributes) { ["unidirectional"] = 1L }, 2, Microsoft);
        Close(Attend(q, allK, allV, causal, 0.5f), (Tensor)r[0]!);
        Close(Part((Tensor)r[1]!, 0, 1, 2).Reshape(allV.Shape), allV);
        Close(Part((Tensor)r[1]!, 0, 0, 1).Reshape(allK.Shape), allK);
    }

    [Theory]
    [InlineData(false, false, false), InlineData(false, true, false), InlineData(true, true, true), InlineData(true, false, true)]
    public void GroupQueryAttention_continues_each_entry_where_it_ends(bool packed, bool rotary, bool interleaved)
    {
        const int B = 2, N = 4, K = 2, H = 6, P = 7;
        var (cos, sin) = (F32(12, H / 2), F32(12, H / 2));
        var attributes = new Dictionary<string, object> { ["num_heads"] = (long)N, ["kv_num_heads"] = (long)K, ["do_rotary"] = rotary ? 1L : 0, ["rotary_interleaved"] = interleaved ? 1L : 0 };
        Tensor Concat(int axis, params Tensor[] parts) => OpRunner.One("Concat", 13, parts, new() { ["axis"] = (long)axis });
        Tensor Part(Tensor t, int axis, int start, int end) => OpRunner.One("Slice", 13, [t, Tensor.Vector((long)start), Tensor.Vector((long)end), Tensor.Vector((long)axis)]);
        // First a prompt (packed ones in a cache that is there already), then more positions, behind fewer keys in entry 0 than in entry 1.
        foreach (var (rows, total, pasts) in new[] { (5, 5, (int[])[0, 0]), (2, 9, [3, 7]), (1, 5, [2, 4]) })
        {
            var (q, k, v) = (F32(B, rows, N * H), F32(B, rows, K * H), F32(B, rows, K * H));
            var (pastK, pastV) = (F32(B, K, P, H), F32(B, K, P, H));
            bool first = rows == total;
            Tensor?[] inputs = [packed ? Concat(2, q, k, v) : q, packed ? null : k, packed ? null : v, first && !packed ? null : pastK, first && !packed ? null : pastV,
                Tensor.Vector(pasts.Select(p => p + rows - 1).ToArray()), Tensor.Scalar(total), rotary ? cos : null, rotary ? sin : null];
            var r = OpRunner.Run("GroupQueryAttention", 1, inputs, attributes, 3, Microsoft);
            Close((Tensor)r[0]!, One("GroupQueryAttention", inputs, attributes));
            int present = first && !packed ? total : Math.Max(P, total);
            Assert.Equal(new Shape(B, K, present, H), ((Tensor)r[1]!).Shape);
            for (int n = 0; n < B; n++)
            {
                int past = pasts[n];
                Tensor Turned(Tensor t) => rotary ? One("RotaryEmbedding", [t, Tensor.Vector((long)past), cos, sin], new() { ["interleaved"] = interleaved ? 1L : 0 }) : t;
                Tensor Entry(Tensor t) => Part(t, 0, n, n + 1);
                var allK = Concat(2, Part(Entry(pastK), 2, 0, past), Turned(Split(Entry(k), K)));
                var allV = Concat(2, Part(Entry(pastV), 2, 0, past), Split(Entry(v), K));
                Close(allK, Part(Entry((Tensor)r[1]!), 2, 0, past + rows));
                Close(allV, Part(Entry((Tensor)r[2]!), 2, 0, past + rows));
                Assert.All(Part(Entry((Tensor)r[1]!), 2, past + rows, present).Span<float>().ToArray(), x => Assert.Equal(0, x));
                Tensor Repeated(Tensor t) => OpRunner.One("Gather", 13, [t, Tensor.Vector(0L, 0L, 1L, 1L)], new() { ["axis"] = 1L });
                var causal = Tensor.Allocate(DType.F32, new Shape(1, 1, rows, past + rows));
                for (int s = 0; s < rows; s++) causal.Span<float>().Slice(s * (past + rows) + past + s + 1, rows - s - 1).Fill(-1e30f);
                Close(Attend(Turned(Split(Entry(q), N)), Repeated(allK), Repeated(allV), causal, 1 / MathF.Sqrt(H)), Entry((Tensor)r[0]!));
            }
            foreach (int last in new[] { -2, P + rows })
            {
                inputs[5] = Tensor.Vector(last, last);
                if (!first) Assert.Throws<OperatorException>(() => One("GroupQueryAttention", inputs, attributes));
            }
        }
    }

    private static Tensor One(string op, Tensor?[] inputs, Dictionary<string, object>? attributes = null) => OpRunner.One(op, 1, inputs, attributes, Microsoft);

    private Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = (float)(_random.NextDouble() * 4 - 2);
        return t;
    }

    private static void Close(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Type, actual.Type);
        for (int i = 0; i < expected.Shape.Count; i++) Assert.Equal(expected.Span<float>()[i], actual.Span<float>()[i], 1e-4);
    }
}
