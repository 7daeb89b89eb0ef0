using Engine.Graph;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// One node's view of a window: rows of a window, or its newest row alone, look like the frames of a hop to the operator's streaming form, so that what works frame by frame tells so, and along which axis
/// its results lie. What reaches beyond a frame is refused.
/// </summary>
internal sealed class RowsNode(StreamBuilder builder, Node node, IReadOnlyDictionary<Value, Pulse> rows, long window) : StreamContext
{
    /// <summary>Axes of the results.</summary>
    public Dictionary<int, Pulse> Given { get; } = [];

    public override Node Node => node;

    public override bool Windowed => true;

    public override bool Approximate => false;

    public override int AttentionWindow => 0;

    public override void Deviates(string how) => throw Refuse(how);

    public override Pulse? Stream(int i) => node.Input(i) is { } v ? rows.GetValueOrDefault(v) : null;

    public override Value? Wire(int i) => node.Input(i) is { } v ? rows.GetValueOrDefault(v)?.Wire ?? builder.Wire(v) : null;

    public override TensorType Type(int i) => Wire(i) is { } v && builder.Type(v) is { } t ? t : throw Refuse($"the type of operand {i} is not known");

    public override Tensor? Known(int i) => Wire(i) is { } v ? builder.Known(v) : null;

    public override bool IsConstant(int i) => Wire(i) is { } v && builder.IsConstant(v);

    public override long? WholeLength(Pulse x) => window;

    public override Pulse Delay(Pulse x, long extra, long overlap, float? pad = null) => extra == 0 && overlap == 0 && pad is null ? x : throw Refuse("it reaches beyond a frame");

    public override Value Window(Pulse x) => throw Refuse("it reads the whole window");

    public override Value State(TensorType type, Tensor? initial, long reset) => throw Refuse("it keeps a state");

    public override void Next(Value state, Value wire) => throw Refuse("it keeps a state");

    public override IReadOnlyList<(Value Wire, TensorType Type)?> Emit(Operator op, IReadOnlyList<Value?> inputs, int outputs = 0)
    {
        if (outputs > node.Outputs.Count) throw Refuse("it keeps a state");
        var made = node.Outputs.Select(v => v is null ? null : new Value(v.Name) { Quantization = v.Quantization }).ToArray();
        for (int i = 0; i < made.Length; i++) if (made[i] is { } v) builder.Put(node.Outputs[i]!, v);
        return builder.Add(new Node(node.Name, op, inputs, made) { Epilogue = node.Epilogue });
    }

    public override (Value Wire, TensorType Type) Insert(Operator op, IReadOnlyList<Value?> inputs) => throw Refuse("it takes several steps");

    public override IReadOnlyList<(Value Wire, TensorType Type)?> Insert(Node other) => throw Refuse("it takes several steps");

    public override TensorType? TypeOf(Value wire) => builder.Type(wire);

    public override void Result(int i, Value wire) => throw Refuse("it keeps a state");

    public override void Give(int i, Pulse pulse) => Given[i] = pulse is { Delay: 0 } && pulse.Frames == rows.Values.First().Frames ? pulse : throw Refuse("it changes which frames there are");

    public override void Alias(int i, Pulse pulse) => throw Refuse("it changes which frames there are");
}
