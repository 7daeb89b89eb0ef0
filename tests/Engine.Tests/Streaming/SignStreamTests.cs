using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Binary and masked layers on a stream: the same integers.</summary>
public class SignStreamTests
{
    private const int Length = 30, Channels = 16;

    private static Value Own(GraphBuilder b, Func<Attributes, Operator> make, Value?[] inputs, Dictionary<string, object>? attributes = null)
    {
        var y = new Value($"own{b.Graph.Nodes.Count}");
        b.Graph.Nodes.Add(new Node(y.Name, make(new Attributes(1, attributes) { InputCount = inputs.Length }), inputs, [y]));
        return y;
    }

    private static Tensor Signs(Random r, params long[] dims) => Tensor.From(new Shape(dims), [.. Enumerable.Range(0, new Shape(dims).Count).Select(_ => r.Next(2) == 0 ? 1f : -1f)]);

    private static Value Weights(Random r, string form, params long[] dims)
    {
        var s = new Shape(dims);
        int columns = Checked.Int(s.Product(1, s.Rank));
        var words = new ulong[s.Int(0) * ((columns + 63) / 64)];
        for (int i = 0; i < words.Length; i++) words[i] = (ulong)r.NextInt64() & ((i + 1) % ((columns + 63) / 64) == 0 && columns % 64 != 0 ? (1UL << (columns % 64)) - 1 : ulong.MaxValue);
        return new($"w{r.Next()}")
        {
            Constant = form switch
            {
                "plain" => new Dense(Signs(r, dims)),
                "bits" => new Binary(s, Tensor.Vector<ulong>(words)),
                _ => new BinaryTree(s, Tensor.Vector<int>([.. Enumerable.Range(-1, s.Int(0))]), Tensor.Vector<ulong>(words)),
            },
        };
    }

    [Theory]
    [InlineData("plain", 1, 1)]
    [InlineData("bits", 2, 0)]
    [InlineData("bits", 0, 0)]
    [InlineData("tree", 0, 2)]
    public void ChainsOfSigns(string form, int begin, int end)
    {
        ModelGraph Network()
        {
            var r = new Random(3);
            var b = new GraphBuilder();
            Value Vector<T>(Func<int, T> of) where T : unmanaged => b.Constant(Tensor.Vector<T>([.. Enumerable.Range(0, Channels).Select(of)]));
            long[] pads = [begin, 1, end, 0];
            var x = Own(b, a => new BinarySign(a), [b.Input("x", DType.F32), Vector(i => r.NextSingle() - 0.5f)]);
            x = Own(b, a => new BinaryConv(a), [x, Weights(r, form, Channels, Channels, 3, 2), Vector(_ => r.Next(-9, 9)), Vector(_ => (sbyte)(r.Next(2) * 2 - 1))], new() { ["pads"] = pads });
            x = Own(b, a => new BinaryMaxPool(a), [x, Vector(_ => (sbyte)(r.Next(2) * 2 - 1))], new() { ["kernel_shape"] = new long[] { 2, 1 }, ["strides"] = new long[] { 2, 1 }, ["pads"] = new long[] { begin > 0 ? 1 : 0, 0, end > 0 ? 1 : 0, 0 } });
            x = Own(b, a => new BinaryConv(a), [x, Weights(r, form, Channels, Channels / 2, 2, 2), Vector(i => r.NextSingle()), Vector(i => r.NextSingle()), Vector(_ => r.NextSingle())], new() { ["pads"] = new long[] { 1, 0, 0, 0 }, ["group"] = 2L });
            b.Output(x);
            return b.Graph;
        }

        var input = new Shape(1, Channels, Length, 4);
        StreamCheck.Equal(Network, input, 2, [2, 6]);
        using var model = StreamRunner.Model(Network(), input, 2, 4);
        Assert.Equal(2, model.Plan.Graph.Nodes.Count(n => n.Op is BinaryConv));
    }

    [Fact]
    public void NetworksThatExportersWriteOfSigns()
    {
        ModelGraph Network()
        {
            var g = new BinaryGraph(4);
            var y = g.Sign(g.Input(), 1);
            y = g.Sign(g.Norm(g.Conv(y, g.Signs(true, 32, Channels, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), 32), 2);
            y = g.Sign(g.Norm(g.Op("MaxPool", [g.Conv(y, g.Signs(true, 32, 32, 3, 3), new() { ["pads"] = new long[] { 1, 1, 1, 1 } })], new() { ["kernel_shape"] = new long[] { 2, 2 }, ["strides"] = new long[] { 2, 2 } }), 32), 1);
            g.Output(g.Norm(g.Conv(y, g.Signs(true, 8, 32, 3, 1), new() { ["pads"] = new long[] { 2, 0, 0, 0 } }), 8));
            return g.Graph;
        }

        var input = new Shape(1, Channels, Length, 4);
        StreamCheck.Equal(Network, input, 2, [2, 10]);
        using var model = StreamRunner.Model(Network(), input, 2, 2);
        Assert.Equal(3, model.Plan.Graph.Nodes.Count(n => n.Op is BinaryConv));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, true)]
    public void MaskedConvolutions(int lookAhead, bool floats)
    {
        ModelGraph Network()
        {
            var r = new Random(5);
            var b = new GraphBuilder();
            Value F32(params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, r.Next())));
            Value Mask(int n) => floats ? F32(1, n, 1) : b.Constant(Tensor.From(new Shape(1, n), [.. Enumerable.Range(0, n).Select(i => i % 3 != 0)]));
            var x = b.Input("x", DType.F32);
            var residual = b.Op("Conv", 13, [x, F32(8, Channels, 2 * lookAhead + 1)], new() { ["pads"] = new long[] { lookAhead, lookAhead } });
            x = Own(b, a => new MaskedConv(a), [x, F32(8, Channels, 3), F32(8), Mask(8), Mask(Channels), residual], new() { ["pads"] = new long[] { 1, 1 }, ["activation"] = "Relu" });
            b.Output(Own(b, a => new MaskedConv(a), [x, F32(6, 8, 2), null, Mask(6), Mask(8)], new() { ["strides"] = new long[] { 2 } }));
            return b.Graph;
        }
        StreamCheck.Equal(Network, new Shape(1, Channels, Length), 2, [2, 6]);
    }

    [Fact]
    public void ConvolutionsOfIntegers()
    {
        ModelGraph Network()
        {
            var r = new Random(6);
            var b = new GraphBuilder();
            var (scale, zero) = (b.Constant(Tensor.Scalar(0.02f)), b.Constant(Tensor.Scalar((byte)110)));
            var w = b.Constant(Tensor.From(new Shape(5, 3, 3), [.. Enumerable.Range(0, 45).Select(_ => (sbyte)r.Next(-127, 128))]));
            var sums = b.Op("ConvInteger", 13, [b.Op("QuantizeLinear", 13, [b.Input("x", DType.F32), scale, zero]), w, zero], new() { ["pads"] = new long[] { 2, 1 } });
            b.Output(b.Op("Cast", 13, [sums], new() { ["to"] = 1L }));
            return b.Graph;
        }
        StreamCheck.Equal(Network, new Shape(1, 3, Length), 2, [1, 4], 0);
    }
}
