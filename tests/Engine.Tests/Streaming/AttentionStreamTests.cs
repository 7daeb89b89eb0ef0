using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Attention over the stream: a ring of the keys and values that a query sees.</summary>
public class AttentionStreamTests
{
    private const int Length = 40;
    private static readonly Shape s_input = new(1, Length, AttentionNetworks.Width);
    private static readonly int[] s_hops = [1, 3, 8];

    private static Value Add(GraphBuilder b, Value scores, Tensor mask) => b.Op("Add", 14, [scores, b.Constant(mask)]);

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(5, 0, 0)]
    [InlineData(5, 2, 0)]
    [InlineData(0, 3, 1)]
    [InlineData(30, 0, 2)]
    [InlineData(4, 1, 2)]
    public void ConstantBands(int before, int after, int lookAhead) =>
        StreamCheck.Equal(new AttentionNetworks((b, _, scores) => Add(b, scores, AttentionNetworks.Constant(Length, d => -after <= d && d <= before ? 0 : null)), lookAhead).Graph, s_input, 1, s_hops);

    [Fact]
    public void BandsOfWeightsByDistance() =>
        StreamCheck.Equal(new AttentionNetworks((b, _, scores) => Add(b, scores, AttentionNetworks.Constant(Length, d => d is >= 0 and < 7 ? -d : null, 0.5f, 0.25f)), perHead: true).Graph, s_input, 1, s_hops);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BandsOfPositions(bool hides) => StreamCheck.Equal(new AttentionNetworks((b, x, scores) =>
    {
        var d = AttentionNetworks.Distance(b, x);
        var (early, late) = (b.Op("Less", 13, [d, b.Constant(Tensor.Scalar(0L))]), b.Op("Greater", 13, [d, b.Constant(Tensor.Scalar(6L))]));
        var hidden = b.Op("Or", 13, [early, late]);
        var fill = b.Constant(Tensor.Scalar(float.MinValue));
        return hides ? b.Op("Where", 13, [hidden, fill, scores]) : b.Op("Where", 13, [b.Op("Not", 13, [hidden]), scores, fill]);
    }, 1).Graph, s_input, 1, s_hops);

    [Fact]
    public void BandsOfTwoMasks() => StreamCheck.Equal(new AttentionNetworks((b, x, scores) =>
    {
        var n = AttentionNetworks.Frames(b, x);
        var square = b.Op("Concat", 13, [b.Op("Unsqueeze", 13, [n, b.Constant(Tensor.Vector<long>(0))]), b.Op("Unsqueeze", 13, [n, b.Constant(Tensor.Vector<long>(0))])], new() { ["axis"] = 0L });
        var hidden = b.Op("ConstantOfShape", 13, [square], new() { ["value"] = Tensor.Vector(float.NegativeInfinity) });
        var causal = b.Op("Trilu", 14, [hidden, b.Constant(Tensor.Scalar(1L))], new() { ["upper"] = 1L });
        var band = b.Op("Trilu", 14, [hidden, b.Constant(Tensor.Scalar(-5L))], new() { ["upper"] = 0L });
        return b.Op("Add", 14, [b.Op("Add", 14, [scores, causal]), b.Op("Unsqueeze", 13, [band, b.Constant(Tensor.Vector<long>(0, 1))])]);
    }).Graph, s_input, 1, s_hops);

    private static ModelGraph Causal(bool positions) => new AttentionNetworks((b, x, scores) => positions
        ? b.Op("Where", 13, [b.Op("Less", 13, [AttentionNetworks.Distance(b, x), b.Constant(Tensor.Scalar(0L))]), b.Constant(Tensor.Scalar(-1e5f)), scores])
        : Add(b, scores, AttentionNetworks.Constant(Length, d => d >= 0 ? 0 : null))).Graph();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void CausalAttentionNeedsAWindow(bool positions)
    {
        var shapes = new Dictionary<string, Shape> { ["x"] = s_input };
        var e = Assert.Throws<UnsupportedException>(() => StreamModel.Create(new ModelDefinition(Causal(positions)), new StreamOptions { Axis = 1, Hop = 4, Shapes = shapes }));
        Assert.Contains("Softmax", e.Message);
        Assert.Contains("attention window", e.Message);
        foreach (int most in (int[])[Length, 6])
        {
            using var model = StreamModel.Create(new ModelDefinition(Causal(positions)), new StreamOptions { Axis = 1, Hop = 4, AttentionWindow = most, Shapes = shapes });
            var layer = Assert.Single(model.Plan.Layers, l => l.Operator == "Attention");
            Assert.Equal(StreamForm.Approximate, layer.Form);
            Assert.Contains($"the last {most} frames", layer.Note);
            using var session = model.CreateSession();
            var x = Tensor.From(s_input, TestData.Floats((int)s_input.Elements, 5));
            // The model whose mask has the bound.
            float[] expected = StreamRunner.Samples(StreamRunner.Whole(new AttentionNetworks((b, _, scores) => Add(b, scores, AttentionNetworks.Constant(Length, d => d >= 0 && d < most ? 0 : null))).Graph(), x), 1);
            float[] frames = [.. StreamRunner.Stream(session, x, 1, new Random(1)).SelectMany(f => f)];
            Assert.Equal(expected.Length, frames.Length);
            for (int i = 0; i < frames.Length; i++) Assert.Equal(expected[i], frames[i], 1e-4f);
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void AttentionInOneOperator(bool projected, bool banded)
    {
        const int Window = 9;
        ModelGraph Network(int most)
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            var bias = most == 0 ? null : b.Constant(AttentionNetworks.Constant(Length, d => d <= most ? -0.1f * d : null).Reshape(new Shape(1, 1, Length, Length)));
            var a = new Attributes(1, new Dictionary<string, object> { ["num_heads"] = 2L, ["unidirectional"] = 1L });
            Value W(int seed, params long[] dims) => AttentionNetworks.Weights(b, seed, dims);
            var y = new Value("y");
            const int D = AttentionNetworks.Width;
            b.Graph.Nodes.Add(projected ? new Node("attention", new Engine.Graph.Operators.Attention(a), [x, W(1, D, 3 * D), W(2, 3 * D), null, null, bias], [y])
                : new Node("attention", new Engine.Graph.Operators.MultiHeadAttention(a), [x, b.Op("MatMul", 13, [x, W(1, D, D)]), x, W(2, 3 * D), null, bias], [y]));
            b.Output(y);
            return b.Graph;
        }

        if (banded) StreamCheck.Equal(() => Network(5), s_input, 1, s_hops);
        else
        {
            Assert.Contains("attention window", Assert.Throws<UnsupportedException>(() => StreamRunner.Model(Network(0), s_input, 1, 4)).Message);
            var x = Tensor.From(new Shape(1, Window, AttentionNetworks.Width), TestData.Floats(Window * AttentionNetworks.Width, 5));
            using var model = StreamModel.Create(new ModelDefinition(Network(0)), new StreamOptions { Axis = 1, Hop = 3, AttentionWindow = Window, Shapes = new Dictionary<string, Shape> { ["x"] = s_input } });
            using var session = model.CreateSession();
            float[] expected = StreamRunner.Samples(StreamRunner.Whole(Network(0), x), 1), frames = [.. StreamRunner.Stream(session, x, 1, new Random(1)).SelectMany(f => f)];
            Assert.Equal(expected.Length, frames.Length);
            for (int i = 0; i < frames.Length; i++) Assert.Equal(expected[i], frames[i], 1e-4f);
        }
    }

    [Fact]
    public void AttentionThatIsNoBandIsRefused()
    {
        var spoiled = AttentionNetworks.Constant(Length, d => d is >= 0 and < 3 ? 0 : null);
        spoiled.Span<float>()[5 * Length + 4] = 1;
        foreach (var (reason, mask) in ((string, Tensor)[])[
            ("distance alone", spoiled),
            ("comes after it", AttentionNetworks.Constant(Length, d => d < 3 ? 0 : null)),
            ("its own frame", AttentionNetworks.Constant(Length, d => d is > 0 and < 3 ? 0 : null))])
        {
            var e = Assert.Throws<UnsupportedException>(() => StreamRunner.Model(new AttentionNetworks((b, _, scores) => Add(b, scores, mask)).Graph(), s_input, 1, 4));
            Assert.Contains(reason, e.Message);
        }
    }

    [Fact]
    public void AttentionOverWindowsSeesWholeWindows()
    {
        // Without a band the queries of a window see all of it; with one they see the true past, as other layers do.
        using var whole = StreamRunner.Model(new AttentionNetworks((b, _, scores) => Add(b, scores, AttentionNetworks.Constant(Length, d => d >= 0 ? 0 : null))).Graph(), s_input, 1, 8, Length);
        Assert.Contains(whole.Plan.Layers, l => l.Form == StreamForm.Window && l.Operator == "MatMul");
        using var band = StreamRunner.Model(new AttentionNetworks((b, _, scores) => Add(b, scores, AttentionNetworks.Constant(Length, d => d is >= 0 and < 4 ? 0 : null))).Graph(), s_input, 1, 8, Length);
        Assert.All(band.Plan.Layers, l => Assert.Equal(StreamForm.Exact, l.Form));
    }
}
