using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// What RNN, GRU and LSTM share. X is [sequence, batch, input], W [directions, gates·hidden, input], R [directions, gates·hidden, hidden],
/// B [directions, 2·gates·hidden], sequence_lens [batch], states [directions, batch, hidden]; Y is [sequence, directions, batch, hidden].
/// With layout 1 the batch comes first.
/// </summary>
public abstract class Recurrent : Operator
{
    private readonly long _hidden;

    private protected Recurrent(Attributes a, int gates, params string[] defaults) : base(a)
    {
        Gates = gates;
        _hidden = a.Int("hidden_size", 0);
        Clip = a.Has("clip") ? a.Float("clip", 0) : null;
        BatchFirst = a.Bool("layout");
        (Directions, FirstIsReverse) = a.String("direction", "forward") switch
        {
            "forward" => (1, false),
            "reverse" => (1, true),
            "bidirectional" => (2, false),
            var d => throw new OperatorException($"direction '{d}' is not forward, reverse or bidirectional"),
        };
        Activations = a.Strings("activations") is { Length: > 0 } given ? given : [.. Enumerable.Repeat(defaults, Directions).SelectMany(d => d)];
        if (Activations.Count != defaults.Length * Directions) throw new OperatorException($"{Activations.Count} activations given, expected {defaults.Length * Directions}");
        (Alphas, Betas) = (a.Floats("activation_alpha") ?? [], a.Floats("activation_beta") ?? []);
    }

    /// <summary>Gates of a cell.</summary>
    public int Gates { get; }

    /// <summary>1 or 2.</summary>
    public int Directions { get; }

    /// <summary>True when direction 0 runs from the end; direction 1 always does.</summary>
    public bool FirstIsReverse { get; }

    /// <summary>Bound of what enters an activation, or null.</summary>
    public float? Clip { get; }

    /// <summary>True for layout 1.</summary>
    public bool BatchFirst { get; }

    /// <summary>Names of activations, direction after direction.</summary>
    public IReadOnlyList<string> Activations { get; }

    /// <summary>Parameters of those activations that take one, in order.</summary>
    public IReadOnlyList<float> Alphas { get; }

    /// <inheritdoc cref="Alphas"/>
    public IReadOnlyList<float> Betas { get; }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        for (int i = 0; i < 3; i++) c.RequireRank(i, 3);
        Shape x = c.Shape(0), r = c.Shape(2);
        long hidden = Hidden(r), batch = BatchFirst ? x[0] : x[1], sequence = BatchFirst ? x[1] : x[0];
        if (_hidden != 0 && _hidden != hidden) throw new OperatorException($"hidden_size {_hidden} does not fit recurrent weights of shape {r}");
        long gates = Checked.Mul(Gates, hidden);
        var state = BatchFirst ? new Shape(batch, Directions, hidden) : new Shape(Directions, batch, hidden);
        RequireShape(c, 1, WeightShape(gates, x[2]));
        RequireShape(c, 2, WeightShape(gates, hidden));
        RequireWeights(c, gates);
        RequireShape(c, 3, new Shape(Directions, Checked.Mul(2, gates)));
        if (c.Has(4)) c.Require(4, DType.I32);
        RequireShape(c, 4, new Shape(batch));
        RequireShape(c, 5, state);
        RequireShape(c, 6, state);
        RequireShape(c, 7, new Shape(Directions, Checked.Mul(3, hidden)));
        foreach (int i in (ReadOnlySpan<int>)[3, 5, 6, 7]) c.RequireSame(0, i);
        c.Set(0, c.DType(0), BatchFirst ? new Shape(batch, sequence, Directions, hidden) : new Shape(sequence, Directions, batch, hidden));
        c.Set(1, c.DType(0), state);
        c.Set(2, c.DType(0), state);
    }

    /// <summary>Neurons, from the shape of the recurrent weights.</summary>
    public virtual long Hidden(Shape recurrent) => recurrent[2];

    /// <summary>Shape of weights from <paramref name="inputs"/> values to all gates.</summary>
    private protected virtual Shape WeightShape(long gates, long inputs) => new(Directions, gates, inputs);

    /// <summary>Throws unless the element types of the weights, and what belongs to them, fit.</summary>
    private protected virtual void RequireWeights(InferContext c, long gates)
    {
        c.RequireSame(0, 1);
        c.RequireSame(0, 2);
    }

    private static void RequireShape(InferContext c, int input, Shape shape)
    {
        if (c.Has(input) && c.Shape(input) != shape) throw new OperatorException($"input {input} has shape {c.Shape(input)}, expected {shape}");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        double steps = (double)c.Shape(0)[0] * c.Shape(0)[1];
        return new(2 * steps * (c.In(1).Elements + c.In(2).Elements), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (c.Windowed) throw c.Refuse("it starts anew in every window");
        if (FirstIsReverse || Directions != 1) throw c.Refuse("it runs from the end of the signal");
        if (c.Has(4)) throw c.Refuse("sequences have lengths of their own");
        var x = c.Only();
        int axis = BatchFirst ? 1 : 0, batch = 1 - axis;
        if (x.Axis != axis) throw c.Refuse("the stream does not run along time");
        (x, long reset) = StreamRecurrence.AtHop(c, x);
        long hidden = Hidden(c.Type(2).Shape), streams = c.Type(0).Shape[batch];
        var type = new TensorType(c.Type(0).DType, BatchFirst ? new Shape(streams, 1, hidden) : new Shape(1, streams, hidden));
        int states = this is Lstm ? 2 : 1;
        var inputs = new Value?[Math.Max(c.InputCount, 5 + states)];
        c.Wires().CopyTo(inputs, 0);
        inputs[0] = x.Wire;
        for (int i = 0; i < states; i++)
        {
            if (c.Has(5 + i) && c.Known(5 + i) is null) throw c.Refuse("the state that it starts with is computed");
            inputs[5 + i] = c.State(type, c.Has(5 + i) ? c.Known(5 + i) : null, reset);
        }
        var made = c.Emit(this, inputs, 1 + states);
        for (int i = 0; i < states; i++) c.Next(inputs[5 + i]!, made[1 + i]!.Value.Wire);
        c.Give(0, new(made[0]!.Value.Wire, made[0]!.Value.Type, axis, x.Frames, x.Delay, x.Time));
    }
}

/// <summary>ONNX RNN: H = f(X·W + H·R + b).</summary>
public sealed class Rnn(Attributes a) : Recurrent(a, 1, "Tanh")
{
    /// <inheritdoc/>
    public override string Name => "RNN";
}

/// <summary>ONNX GRU; gates in the order update, reset, hidden.</summary>
public sealed class Gru(Attributes a) : Recurrent(a, 3, "Sigmoid", "Tanh")
{
    /// <summary>True to reset the product of the hidden state instead of the state.</summary>
    public bool LinearBeforeReset { get; } = a.Bool("linear_before_reset");

    /// <inheritdoc/>
    public override string Name => "GRU";
}

/// <summary>ONNX LSTM; gates in the order input, output, forget, cell; peepholes input, output, forget.</summary>
public class Lstm(Attributes a) : Recurrent(a, 4, "Sigmoid", "Tanh", "Tanh")
{
    /// <summary>True when the forget gate is one less the input gate.</summary>
    public bool InputForget { get; } = a.Bool("input_forget");

    /// <inheritdoc/>
    public override string Name => "LSTM";
}
