using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>
/// What an operator's streaming form sees (the pulses and types of its operands) and says: the nodes that do its work on the frames of a hop, and the pulses of its results. The graph that runs a hop
/// is built through it, node by node; only delays and states live from one hop to the next.
/// </summary>
public abstract class StreamContext
{
    /// <summary>The node of the model.</summary>
    public abstract Node Node { get; }

    /// <summary>True where the model's results are those of windows: what starts anew in every window has no streaming form then.</summary>
    public abstract bool Windowed { get; }

    /// <summary>True where the frames of a hop stand for themselves: windows that reach beyond them see padding, as at the ends of a signal.</summary>
    public abstract bool Approximate { get; }

    /// <summary>Keys that a query may see where the model sets no bound, its own included; 0 where none may be set.</summary>
    public abstract int AttentionWindow { get; }

    /// <summary>Says how the results differ from the model's.</summary>
    public abstract void Deviates(string how);

    /// <summary>Number of operands, absent ones included.</summary>
    public int InputCount => Node.Inputs.Count;

    /// <summary>True when operand <paramref name="i"/> is present.</summary>
    public bool Has(int i) => Node.Input(i) is not null;

    /// <summary>The stream of operand <paramref name="i"/>; null where it does not change with time or is absent.</summary>
    public abstract Pulse? Stream(int i);

    /// <summary>Operand <paramref name="i"/> in the graph that runs a hop, or null.</summary>
    public abstract Value? Wire(int i);

    /// <summary>Type of operand <paramref name="i"/> within a hop.</summary>
    public abstract TensorType Type(int i);

    /// <summary>The value of operand <paramref name="i"/> where it is known, else null. A length of the stream in it is −1.</summary>
    public abstract Tensor? Known(int i);

    /// <summary>True when operand <paramref name="i"/> is the same in every hop.</summary>
    public abstract bool IsConstant(int i);

    /// <summary>Frames of a wire in the whole signal, where the model declares the length of its input or works on windows; else null.</summary>
    public abstract long? WholeLength(Pulse x);

    /// <summary>
    /// The stream <paramref name="extra"/> frames later, with <paramref name="overlap"/> old frames kept before those of the hop. Frames outside the signal are replaced by
    /// <paramref name="pad"/> where it is given (infinities are the bounds of integer types).
    /// </summary>
    public abstract Pulse Delay(Pulse x, long extra, long overlap, float? pad = null);

    /// <summary>All frames of a window that ends with the hop, as a value that is no stream.</summary>
    public abstract Value Window(Pulse x);

    /// <summary>A value that a hop leaves for the next.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="initial">What it starts with; zeros where null.</param>
    /// <param name="reset">The hop before which it is set to that again, whatever the hops before it made of it.</param>
    public abstract Value State(TensorType type, Tensor? initial, long reset);

    /// <summary>Says which wire holds the new value of a state after the hop.</summary>
    public abstract void Next(Value state, Value wire);

    /// <summary>Adds a node for the results of <see cref="Node"/>; their types within a hop.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Its operands.</param>
    /// <param name="outputs">Number of results where more are needed than the model reads.</param>
    public abstract IReadOnlyList<(Value Wire, TensorType Type)?> Emit(Operator op, IReadOnlyList<Value?> inputs, int outputs = 0);

    /// <summary>Adds a node whose single result only the streaming form itself reads.</summary>
    public abstract (Value Wire, TensorType Type) Insert(Operator op, IReadOnlyList<Value?> inputs);

    /// <summary>Adds a copy of a node under a name of its own, whose results only the streaming form itself reads; null where a type is not known.</summary>
    public abstract IReadOnlyList<(Value Wire, TensorType Type)?> Insert(Node node);

    /// <summary>The type of a wire of the graph that runs a hop, where it is known.</summary>
    public abstract TensorType? TypeOf(Value wire);

    /// <summary>A wire as result <paramref name="i"/> that is no stream.</summary>
    public abstract void Result(int i, Value wire);

    /// <summary>States that result <paramref name="i"/> is a stream.</summary>
    public abstract void Give(int i, Pulse pulse);

    /// <summary>A pulse as result <paramref name="i"/>, without a node.</summary>
    public abstract void Alias(int i, Pulse pulse);

    /// <summary>All operands in the graph that runs a hop.</summary>
    public Value?[] Wires() => [.. Enumerable.Range(0, InputCount).Select(Wire)];

    /// <summary>The error that says why the operator cannot run on a stream.</summary>
    public StreamRefusalException Refuse(string reason) => new(reason, Node);

    /// <summary>Throws unless the hops of <paramref name="x"/> hold whole strides.</summary>
    public void RequireMultiple(Pulse x, long stride)
    {
        if (x.Frames % stride != 0) throw new StreamMisalignmentException(Node.Describe(), x.Frames, stride);
    }

    /// <summary>The stream of operand 0, where it is the only one.</summary>
    public Pulse Only()
    {
        for (int i = 1; i < InputCount; i++)
        {
            if (Stream(i) is not null) throw Refuse($"operand {i} changes with time");
            if (Has(i) && !IsConstant(i)) throw Refuse($"operand {i} is computed of a whole window");
        }
        return Stream(0) ?? throw Refuse("operand 0 does not change with time");
    }
}
