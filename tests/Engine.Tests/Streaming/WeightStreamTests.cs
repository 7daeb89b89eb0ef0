using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Every weight form on a stream: convolution, dense layer and recurrent layer give what they give of the whole signal.</summary>
public class WeightStreamTests
{
    private const int Length = 36, Channels = 16;

    // Weights of a shape [rows, columns, ...] in every form that the engine has kernels or decoders for.
    private static readonly Dictionary<string, Func<Random, Shape, Weight>> s_forms = new()
    {
        ["float"] = (r, s) => new Dense(Floats(r, s)),
        ["half"] = (r, s) => new Dense(Tensor.From(s, [.. Floats(r, s).Span<float>().ToArray().Select(v => (Half)v)])),
        ["int8 a tensor"] = (r, s) => Codes(r, s, 8, Granularity.Tensor),
        ["int8 a channel"] = (r, s) => Codes(r, s, 8, Granularity.Channel),
        ["int4 a channel"] = (r, s) => Codes(r, s, 4, Granularity.Channel),
        ["int4 in groups"] = (r, s) => Codes(r, s, 4, Granularity.Group),
        ["int3 in groups"] = (r, s) => Codes(r, s, 3, Granularity.Group),
        ["ternary"] = (r, s) => Codes(r, s, 2, Granularity.Channel, -1, 1),
        ["NF4"] = (r, s) => new Quantized(s, 4, Stream(s, 4, i => r.Next(16)), Granularity.Group, Scales(r, s[0] * (s[1] / Group) * s.Product(2, s.Rank)), axis: 1, group: Group, table: CodeTable.Nf4),
        ["2:4"] = (r, s) => SparseNM.From(new Dense(Pruned(r, s)), 2, 4, Taps(s)),
        ["2:4 of int8"] = (r, s) => SparseNM.From(Codes(r, s, 8, Granularity.Channel, pruned: true), 2, 4, Taps(s)),
        ["2:4 of int4"] = (r, s) => SparseNM.From(Codes(r, s, 4, Granularity.Channel, pruned: true), 2, 4, Taps(s)),
        ["sparse rows"] = (r, s) => SparseCsr.From(new Dense(Pruned(r, s))),
        ["sparse blocks"] = (r, s) => SparseBlocks.From(new Dense(Pruned(r, s)), 4, 4),
        ["low rank"] = LowRank,
        ["Kronecker"] = (r, s) => new Kronecker(new Dense(Floats(r, new Shape(2, 2))), new Dense(Floats(r, s.With(0, s[0] / 2).With(1, s[1] / 2)))),
        ["adapter"] = (r, s) => new WeightSum(Codes(r, s, 4, Granularity.Group), LowRank(r, s)),
        ["scaled"] = (r, s) => new Scaled(Codes(r, s, 8, Granularity.Tensor), row: Floats(r, new Shape(s[0]))),
        ["signs"] = (r, s) => new Scaled(new Binary(s, Words(r, s)), row: Floats(r, new Shape(s[0]))),
        ["tree of signs"] = (r, s) => new Scaled(new BinaryTree(s, Tensor.Vector<int>([.. Enumerable.Range(-1, s.Int(0))]), Words(r, s)), row: Floats(r, new Shape(s[0]))),
    };

    private const int Group = 8;

    public static TheoryData<string> Forms => [.. s_forms.Keys];

    private static int Taps(Shape s) => Checked.Int(s.Product(2, s.Rank));

    private static Tensor Floats(Random r, Shape s) => Tensor.From(s, TestData.Floats(s.Count, r.Next()));

    private static Dense Scales(Random r, long count) => new(Tensor.Vector<float>([.. Enumerable.Range(0, (int)count).Select(_ => 0.005f + 0.01f * r.NextSingle())]));

    private static LowRank LowRank(Random r, Shape s) => new(s, new Dense(Floats(r, new Shape(3, s[0]))), new Dense(Floats(r, new Shape(3, s.Product(1, s.Rank)))));

    private static Tensor Stream(Shape s, int bits, Func<int, int> code)
    {
        var t = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(s.Elements, bits)));
        for (int i = 0; i < s.Count; i++) BitStream.Set(t.Bytes, i, bits, code(i) & ((1 << bits) - 1));
        return t;
    }

    // Two of four neighbouring channels of every tap.
    private static bool IsKept(Shape s, int i) => i / Taps(s) % s.Int(1) % 4 is 1 or 2;

    private static Tensor Pruned(Random r, Shape s)
    {
        var t = Floats(r, s);
        for (int i = 0; i < s.Count; i++) if (!IsKept(s, i)) t.Span<float>()[i] = 0;
        return t;
    }

    private static Quantized Codes(Random r, Shape s, int bits, Granularity by, int? least = null, int? most = null, bool pruned = false)
    {
        long scales = by switch { Granularity.Tensor => 1, Granularity.Channel => s[0], _ => s[0] * (s[1] / Group) * s.Product(2, s.Rank) };
        return new(s, bits, Stream(s, bits, i => pruned && !IsKept(s, i) ? 0 : r.Next(least ?? -(1 << (bits - 1)), (most ?? (1 << (bits - 1)) - 1) + 1)), by, Scales(r, scales), signed: true, axis: by == Granularity.Group ? 1 : 0, group: by == Granularity.Group ? Group : 0);
    }

    private static Tensor Words(Random r, Shape s)
    {
        int columns = Checked.Int(s.Product(1, s.Rank)), words = (columns + 63) / 64;
        var t = new ulong[s.Int(0) * words];
        for (int i = 0; i < t.Length; i++) t[i] = (ulong)r.NextInt64() & (i % words == words - 1 && columns % 64 != 0 ? (1UL << (columns % 64)) - 1 : ulong.MaxValue);
        return Tensor.Vector<ulong>(t);
    }

    private static Value Constant(string name, Weight w) => new(name) { Constant = w };

    [Theory]
    [MemberData(nameof(Forms))]
    public void ConvolutionDenseAndRecurrentLayers(string form)
    {
        foreach (bool wide in (bool[])[false, true])
        {
            ModelGraph Network()
            {
                var r = new Random(7);
                var b = new GraphBuilder();
                var x = b.Input("x", DType.F32);
                Weight Of(params long[] dims) => s_forms[form](r, new Shape(dims));
                if (form == "half") x = b.Op("Cast", 13, [x], new() { ["to"] = 10L });
                long[] kernel = wide ? [3, 1] : [3], causal = wide ? [2, 0, 0, 0] : [2, 0], same = wide ? [1, 0, 1, 0] : [1, 1];
                x = b.Op("Relu", 13, [b.Op("Conv", 13, [x, Constant("conv1", Of([Channels, Channels, .. kernel]))], new() { ["pads"] = causal })]);
                x = b.Op("Conv", 13, [x, Constant("conv2", Of([Channels, Channels, .. kernel]))], new() { ["pads"] = same, ["strides"] = wide ? new long[] { 2, 1 } : [2] });
                if (form == "half") x = b.Op("Cast", 13, [x], new() { ["to"] = 1L });
                if (wide) x = b.Op("ReduceMean", 13, [x], new() { ["axes"] = new long[] { 3 }, ["keepdims"] = 0L });
                // [1, C, T] as rows.
                x = b.Op("Squeeze", 13, [b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 0, 2, 1 } }), b.Constant(Tensor.Vector<long>(0))]);
                var dense = form == "half" ? new Dense(Of(12, Channels).ToF32()) : Of(12, Channels);
                x = b.Op("Sigmoid", 13, [b.Op("Gemm", 13, [x, Constant("dense", dense)], new() { ["transB"] = 1L })]);
                x = b.Op("Unsqueeze", 13, [x, b.Constant(Tensor.Vector<long>(1))]);
                Quantized Gates(int inputs) => new(new Shape(1, 12, inputs), 8, Stream(new Shape(12, inputs), 8, _ => r.Next(-127, 128)), Granularity.Channel, Scales(r, 12), signed: true, axis: 1);
                var y = b.Ops("GRU", 14, [x, Constant("w", Gates(12)), Constant("r", Gates(4))], new() { ["hidden_size"] = 4L }, 1)[0];
                b.Output(b.Op("Squeeze", 13, [y, b.Constant(Tensor.Vector<long>(1))]));
                return b.Graph;
            }
            var input = wide ? new Shape(1, Channels, Length, 3) : new Shape(1, Channels, Length);
            StreamCheck.Equal(Network, input, 2, [2, 6], form == "half" ? 2e-3f : 1e-5f);
        }
    }
}
