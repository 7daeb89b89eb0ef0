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
