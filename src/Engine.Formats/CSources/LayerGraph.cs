using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Formats.CSources;

/// <summary>Layers over frames [frames, 1, features], weights as the codes that the tables hold.</summary>
/// <param name="name">Name of the graph.</param>
/// <param name="scale">What a code stands for.</param>
/// <param name="file">The file, for messages.</param>
internal sealed class LayerGraph(string name, float scale, string? file)
{
    /// <summary>Opset of the operators.</summary>
    public const int Opset = 14;

    public ModelGraph Graph { get; } = new(name);

    public Value Input(string name, int features)
    {
        var v = new Value(name, Frames(features));
        Graph.Inputs.Add(v);
        return v;
    }

    public void Output(Value v, int features)
    {
        v.Declared = Frames(features);
        Graph.Outputs.Add(v);
    }

    public Value Dense(Value x, int features, LayerTables t, string? output = null)
    {
        Require(features, t, isGru: false);
        var weights = Codes($"{t.Name}.weight", new Shape(t.Inputs, t.Neurons), t.Weights);
        var sum = Add($"{t.Name}.product", new MatMul(Attributes()), x, weights);
        sum = Add($"{t.Name}.sum", new Add(Attributes()), sum, Value.Of($"{t.Name}.bias", Scaled(t.Bias, new Shape(t.Neurons))));
        return Add(output ?? $"{t.Name}.result", t.Activation switch { "Tanh" => new Tanh(Attributes()), "Sigmoid" => new Sigmoid(Attributes()), _ => new Relu(Attributes()) }, sum);
    }

    /// <summary>The reset gate comes before the product: h ← z·h + (1 − z)·f(x·W + (r·h)·R + b), which is ONNX's GRU with linear_before_reset 0.</summary>
    public Value Gru(Value x, int features, LayerTables t)
    {
        Require(features, t, isGru: true);
        int columns = t.Gates * t.Neurons;
        var bias = Tensor.Allocate(DType.F32, new Shape(1, 2 * columns));
        Scaled(t.Bias, new Shape(columns)).Span<float>().CopyTo(bias.Span<float>());
        var attributes = Attributes(("hidden_size", (long)t.Neurons), ("activations", new[] { "Sigmoid", t.Activation }), ("linear_before_reset", 0L));
        var y = Add($"{t.Name}.states", new Gru(attributes), x, Rows($"{t.Name}.weight", t.Weights, t.Inputs, columns), Rows($"{t.Name}.recurrent", t.Recurrent!, t.Neurons, columns), Value.Of($"{t.Name}.bias", bias));
        return Add($"{t.Name}.result", new Squeeze(Attributes()), y, Value.Of($"{t.Name}.direction", Tensor.Vector<long>(1)));
    }

    public Value Concat(string name, params Value[] parts) => Add(name, new Concat(Attributes(("axis", -1L))), parts);

    private void Require(int features, LayerTables t, bool isGru)
    {
        if (t.Recurrent is not null != isGru) throw new InvalidModelException($"layer '{t.Name}' is {(isGru ? "dense, expected a GRU" : "a GRU, expected a dense one")}", file);
        if (t.Inputs != features) throw new InvalidModelException($"layer '{t.Name}' takes {t.Inputs} inputs, it is given {features}", file);
    }

    private Value Add(string name, Operator op, params Value[] inputs)
    {
        var y = new Value(name);
        Graph.Nodes.Add(new Node(name, op, inputs, [y]));
        return y;
    }

    // [k, columns] as ONNX's recurrent weights [1, columns, k].
    private Value Rows(string name, sbyte[] codes, int k, int columns)
    {
        var rows = new sbyte[codes.Length];
        for (int i = 0; i < k; i++)
            for (int c = 0; c < columns; c++) rows[c * k + i] = codes[i * columns + c];
        return Codes(name, new Shape(1, columns, k), rows);
    }

    private Value Codes(string name, Shape shape, sbyte[] codes) =>
        new(name) { Constant = new Quantized(shape, 8, Tensor.From(new Shape(codes.Length), codes), Granularity.Tensor, new Dense(Tensor.Vector(scale)), signed: true) };

    private Tensor Scaled(sbyte[] codes, Shape shape) => Tensor.From(shape, codes.Select(c => scale * c).ToArray());

    private static DeclaredType.Tensor Frames(int features) => new(DType.F32, [new Dim(-1, "frames"), new Dim(1), new Dim(features)]);

    private static Attributes Attributes(params (string Name, object Value)[] values) => new(Opset, values.ToDictionary(v => v.Name, v => v.Value));
}
