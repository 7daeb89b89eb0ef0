using Engine.Graph;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>One node's view of the graph under construction.</summary>
internal sealed class StreamNode(StreamBuilder builder, Node node) : StreamContext
{
    private readonly Dictionary<int, Pulse> _given = [];

    public override Node Node => node;

    public override bool Windowed => builder.Options.Window > 0;

    public override bool Approximate => builder.Options.Approximate;

    public override int AttentionWindow => builder.Options.AttentionWindow;

    /// <summary>How the results differ from the model's; empty where they do not.</summary>
    public string Deviation { get; private set; } = "";

    public override void Deviates(string how) => Deviation = how;

    /// <summary>Bytes of the states that the node asked for.</summary>
    public long StateBytes { get; private set; }

    /// <summary>Results stated to be streams.</summary>
    public IReadOnlyDictionary<int, Pulse> Given => _given;

    public override Pulse? Stream(int i) => node.Input(i) is { } v ? builder.Pulse(v) : null;

    public override Value? Wire(int i) => node.Input(i) is { } v ? builder.Wire(v) : null;

    public override TensorType Type(int i) => Wire(i) is { } v && builder.Type(v) is { } t ? t : throw Refuse($"the type of operand {i} is not known");

    public override Tensor? Known(int i) => Wire(i) is { } v ? builder.Known(v) : null;

    public override bool IsConstant(int i) => Wire(i) is { } v && builder.IsConstant(v);

    public override long? WholeLength(Pulse x) => builder.WholeLength is { } n ? x.Time.Length(n) : null;

    public override Pulse Delay(Pulse x, long extra, long overlap, float? pad = null)
    {
        var y = builder.Delay(x, extra, overlap, pad, node.Name, out long bytes);
        StateBytes += bytes;
        return y;
    }

    public override Value Window(Pulse x)
    {
        var y = builder.Window(x, node.Name, out long bytes);
        StateBytes += bytes;
        return y;
    }

    public override Value State(TensorType type, Tensor? initial, long reset)
    {
        StateBytes += type.Bytes;
        return builder.State($"{node.Name}.state", type, initial, reset, inPlace: false);
    }

    public override void Next(Value state, Value wire) => builder.Next(state, wire);

    public override IReadOnlyList<(Value Wire, TensorType Type)?> Emit(Operator op, IReadOnlyList<Value?> inputs, int outputs = 0)
    {
        var made = new Value?[Math.Max(outputs, node.Outputs.Count)];
        for (int i = 0; i < made.Length; i++)
        {
            if (i < node.Outputs.Count && node.Outputs[i] is { } v) builder.Put(v, made[i] = new Value(v.Name) { Quantization = v.Quantization });
            else if (i < outputs) made[i] = new Value(builder.Unique($"{node.Name}.{i}"));
        }
        return builder.Add(new Node(node.Name, op, inputs, made) { Epilogue = node.Epilogue });
    }

    public override (Value Wire, TensorType Type) Insert(Operator op, IReadOnlyList<Value?> inputs) =>
        builder.Add(new Node(builder.Unique($"{node.Name}.{op.Name.ToLowerInvariant()}"), op, inputs, [new Value(builder.Unique($"{node.Name}.part"))]))[0]!.Value;

    public override IReadOnlyList<(Value Wire, TensorType Type)?> Insert(Node other) =>
        builder.Add(new Node(builder.Unique($"{node.Name}.{other.Name}"), other.Op, other.Inputs, [.. other.Outputs.Select(v => v is null ? null : new Value(builder.Unique($"{node.Name}.{v.Name}")) { Quantization = v.Quantization })]) { Epilogue = other.Epilogue });

    public override TensorType? TypeOf(Value wire) => builder.Type(wire);

    public override void Result(int i, Value wire)
    {
        if (i < node.Outputs.Count && node.Outputs[i] is { } v) builder.Put(v, wire);
    }

    public override void Give(int i, Pulse pulse) => _given[i] = pulse;

    public override void Alias(int i, Pulse pulse)
    {
        builder.Put(node.Outputs[i]!, pulse.Wire);
        _given[i] = pulse;
    }
}
