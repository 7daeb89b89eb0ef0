using Engine.Formats.Checkpoints;
using Engine.Formats.Safetensors;
using Engine.Graph;
using Engine.Tensors;
using Engine.Tests.Formats.Safetensors;

namespace Engine.Tests.Formats.Checkpoints;

/// <summary>Weights of a checkpoint in a model's graph: shapes are compared, transposes only made where they are asked for.</summary>
public class WeightReplacementTests
{
    private const int Inputs = 4, Outputs = 3;

    private static float[] Numbers { get; } = [.. Enumerable.Range(1, Inputs * Outputs).Select(i => (float)i)];

    // [outputs, inputs], plain and as signed codes with a scale of 1.
    private static Checkpoint Weights() => Checkpoint.Of(SafetensorsFile.Open(new SafetensorsBytes()
        .Add("plain", "F32", [Outputs, Inputs], Numbers)
        .Add("half", "F16", [Outputs, Inputs], [.. Numbers.Select(x => (Half)x)])
        .Add("codes.weight", "I8", [Outputs, Inputs], [.. Numbers.Select(x => (sbyte)x)]).Add("codes.weight_scale", "F32", [1], 1f).ToArray()));

    private static Node Op(string op, Value[] inputs, string output, params (string, object)[] attributes) => new(op,
        OperatorRegistry.Standard.Create("", op, new Attributes(17, attributes.ToDictionary(a => a.Item1, a => a.Item2)) { InputCount = inputs.Length }, op), inputs, [new Value(output)]);

    private static ModelDefinition Model(Value w, params Node[] nodes)
    {
        var g = new ModelGraph("g");
        g.Inputs.Add(nodes.SelectMany(n => n.Inputs).First(v => v!.Name == "x")!);
        g.Nodes.AddRange(nodes);
        g.Outputs.Add(nodes[^1].Outputs[0]!);
        Assert.NotNull(w.Constant);
        return new ModelDefinition(g);
    }

    private static Value Constant(params long[] dims) => Value.Of("w", Tensor.Allocate(DType.F32, new Shape(dims)));

    private static Value X() => new("x", new DeclaredType.Tensor(DType.F32, [new Dim(1), new Dim(Inputs)]));

    private static float[] Run(ModelDefinition m)
    {
        using var model = Engine.Model.Create(m);
        using var session = model.CreateSession();
        var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.From(new Shape(1, Inputs), new float[] { 1, 0, 0, 10 }) }).Values.Single();
        return y.Span<float>().ToArray();
    }

    // W · (1, 0, 0, 10)
    private static readonly float[] s_expected = [1 + 40, 5 + 80, 9 + 120];

    [Theory]
    [InlineData("plain"), InlineData("half"), InlineData("codes.weight")]
    public void A_right_operand_takes_the_transpose(string weight)
    {
        Value x = X(), w = Constant(Inputs, Outputs);
        var m = Model(w, Op("MatMul", [x, w], "y"));
        var error = Assert.Throws<InputException>(() => WeightReplacement.Apply(m, Weights(), [new("w", weight)]));
        Assert.Contains("assign the transpose", error.Message, StringComparison.Ordinal);
        WeightReplacement.Apply(m, Weights(), [new("w", weight, Transposed: true)]);
        Assert.Equal(weight == "codes.weight", w.Constant is Quantized);
        Assert.Equal(s_expected, Run(m));
    }

    [Fact]
    public void Gemm_turns_its_operand()
    {
        Value x = X(), w = Constant(Inputs, Outputs);
        var m = Model(w, Op("Gemm", [x, w], "y"));
        WeightReplacement.Apply(m, Weights(), [new("w", "codes.weight", Transposed: true)]);
        Assert.Equal(s_expected, Run(m));
    }

    [Fact]
    public void A_transpose_in_the_graph_is_taken_out()
    {
        Value x = X(), w = Constant(Outputs, Inputs);
        var t = Op("Transpose", [w], "t", ("perm", new long[] { 1, 0 }));
        var m = Model(w, t, Op("MatMul", [x, t.Outputs[0]!], "y"));
        WeightReplacement.Apply(m, Weights(), [new("w", "codes.weight")]);
        Assert.Equal("com.microsoft.FusedMatMul", Assert.Single(m.Graph.Nodes).Op.ToString());
        Assert.Equal(s_expected, Run(m));
    }

    [Fact]
    public void Constants_take_weights_of_their_name()
    {
        var w = new Value("plain") { Constant = new Dense(Tensor.Allocate(DType.F32, new Shape(Outputs, Inputs))) };
        var m = Model(w, Op("Gemm", [X(), w], "y", ("transB", 1L)));
        Assert.Equal([new WeightAssignment("plain", "plain")], WeightReplacement.ByName(m, Weights()));
        WeightReplacement.Apply(m, Weights(), WeightReplacement.ByName(m, Weights()));
        Assert.Equal(s_expected, Run(m));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Value x = X(), w = Constant(Inputs, Outputs);
        var y = Op("MatMul", [x, w], "y");
        var m = Model(w, y, Op("Add", [y.Outputs[0]!, Constant(1)], "z"));
        Assert.Contains("no constant 'v'", Fault(new("v", "plain")), StringComparison.Ordinal);
        Assert.Contains("weight 'none'", Assert.Throws<InvalidModelException>(() => WeightReplacement.Apply(m, Weights(), [new("w", "none")])).Message, StringComparison.Ordinal);
        var both = Model(w, y, Op("Add", [w, w], "z"));
        Assert.Contains("more than matrix products", Assert.Throws<InputException>(() => WeightReplacement.Apply(both, Weights(), [new("w", "codes.weight", true)])).Message, StringComparison.Ordinal);
        var wide = Value.Of("w", Tensor.Allocate(DType.F64, new Shape(Outputs, Inputs)));
        var other = Model(wide, Op("Gemm", [X(), wide], "y", ("transB", 1L)));
        Assert.Contains("element type f64", Assert.Throws<InputException>(() => WeightReplacement.Apply(other, Weights(), [new("w", "plain")])).Message, StringComparison.Ordinal);

        string Fault(WeightAssignment a) => Assert.Throws<InputException>(() => WeightReplacement.Apply(m, Weights(), [a])).Message;
    }
}
