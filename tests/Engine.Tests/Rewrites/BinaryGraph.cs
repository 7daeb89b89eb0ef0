using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Draws small binary networks in the forms that exporters write.</summary>
internal sealed class BinaryGraph(int seed)
{
    private readonly Random _random = new(seed);
    private readonly GraphBuilder _builder = new();

    public ModelGraph Graph => _builder.Graph;

    public int Next(int below) => _random.Next(below);

    public Value Input() => _builder.Input("x", DType.F32);

    public Value Op(string op, Value?[] inputs, Dictionary<string, object>? attributes = null, int opset = 13) => _builder.Op(op, opset, inputs, attributes);

    public Value Constant(Tensor t) => _builder.Constant(t);

    public Value Number(float v) => Constant(Tensor.Scalar(v));

    public void Output(Value v) => _builder.Output(v);

    public Tensor F32(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = _random.NextSingle() * 4 - 2;
        return t;
    }

    /// <summary>Signs times magnitudes that are powers of two, so that float sums are exact.</summary>
    public Tensor Signs(bool perRow, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        int row = (int)(t.Shape.Elements / dims[0]);
        float one = MathF.Pow(2, _random.Next(-4, 3));
        for (int i = 0; i < t.Shape.Count; i++)
        {
            if (perRow && i % row == 0) one = MathF.Pow(2, _random.Next(-4, 3));
            t.Span<float>()[i] = _random.Next(2) == 0 ? one : -one;
        }
        return t;
    }

    /// <summary>Sign as exporters write it; form 0 is Sign itself, whose zeros are zeros.</summary>
    public Value Sign(Value x, int form) => form switch
    {
        0 => Op("Sign", [x]),
        1 => Op("Where", [Op("Greater", [x, Number(0)]), Number(1), Number(-1)]),
        2 => Op("Where", [Op("Less", [x, Number(0)]), Number(-1), Number(1)]),
        3 => Op("Sub", [Op("Mul", [Op("Cast", [Op("Greater", [x, Number(0)])], new() { ["to"] = 1L }), Number(2)]), Number(1)]),
        4 => Op("Where", [Op("GreaterOrEqual", [Number(0), x]), Number(-1), Number(1)]),
        5 => Op("Sign", [Op("Clip", [x, Number(-1), Number(1)])]),
        _ => Op("Add", [Op("Mul", [Number(-2), Op("Cast", [Op("LessOrEqual", [x, Number(0)])], new() { ["to"] = 1L })]), Number(1)]),
    };

    public Value Norm(Value x, int channels)
    {
        Tensor scale = F32(channels), bias = F32(channels), mean = F32(channels), variance = F32(channels);
        foreach (ref float v in variance.Span<float>()) v = v * v + 0.5f;
        foreach (ref float v in mean.Span<float>()) v *= 3;
        scale.Span<float>()[_random.Next(channels)] = 0;
        return Op("BatchNormalization", [x, Constant(scale), Constant(bias), Constant(mean), Constant(variance)]);
    }

    public Value Conv(Value x, Tensor w, Dictionary<string, object> attributes, Tensor? bias = null) => Op("Conv", [x, Constant(w), bias is null ? null : Constant(bias)], attributes);

    public Value Pool(Value x) => Op("MaxPool", [x], new() { ["kernel_shape"] = new long[] { 2, 2 }, ["strides"] = new long[] { 2, 2 }, ["ceil_mode"] = (long)Next(2) });

    /// <summary>Window attributes for a kernel of <paramref name="k"/>.</summary>
    public Dictionary<string, object> Window(int k, int group = 1) => new()
    {
        ["kernel_shape"] = new long[] { k, k },
        ["strides"] = new long[] { 1 + Next(2), 1 + Next(2) },
        ["dilations"] = new long[] { 1, 1 + Next(2) },
        ["pads"] = new long[] { Next(2), Next(3), Next(2), Next(3) },
        ["group"] = (long)group,
    };

    /// <summary>What the graph gives as it stands, node by node.</summary>
    public Tensor Interpret(Tensor x) => (Tensor)new Interpreter(CpuKernels.Standard).Run(Graph, [x])[0];

    /// <summary>What the rewrite said, and what the rewritten graph gives: node by node, and planned with <paramref name="threads"/>.</summary>
    public (IReadOnlyList<LayerNote> Notes, Tensor Interpreted, Tensor Planned) Rewritten(Tensor x, int threads = 1)
    {
        using var model = Model.Create(new ModelDefinition(Graph));
        var notes = model.Rewrites.SelectMany(r => r.Notes).ToList();
        using var session = model.CreateSession(new SessionOptions { Threads = threads });
        var planned = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single();
        return (notes, Interpret(x), planned.Clone());
    }
}
