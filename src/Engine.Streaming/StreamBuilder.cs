using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>The graph of one hop under construction: wires of the model mapped to its own, their types and known values, what lives from hop to hop.</summary>
internal sealed class StreamBuilder(StreamOptions options, IEvaluator evaluator, long? wholeLength, long hopDelay)
{
    // Larger values are not needed to tell a shape.
    private const int MaxKnownElements = 4096;

    private readonly Dictionary<Value, Value> _wires = [];
    private readonly Dictionary<Value, Pulse> _pulses = [];
    private readonly Dictionary<Value, TensorType> _types = [];
    private readonly Dictionary<Value, Tensor> _known = [];
    private readonly HashSet<Value> _constant = [];
    private readonly HashSet<Value> _lengths = [];
    private readonly Dictionary<(Value, long, long, float?), Pulse> _delays = [];
    private readonly List<(StreamState State, Value Input, Value? Next)> _states = [];
    private readonly Dictionary<Value, (Pulse From, long Extra)> _waits = [];
    private readonly List<StreamVisible> _visible = [];
    private readonly Dictionary<string, int> _names = [];

    public StreamOptions Options { get; } = options;

    public ModelGraph Graph { get; } = new("hop");

    public long? WholeLength { get; } = wholeLength;

    public IReadOnlyList<StreamVisible> Visible => _visible;

    public IReadOnlyList<(StreamState State, Value Input, Value? Next)> States => _states;

    /// <summary>The input of visible ranges, made when the first delay needs it.</summary>
    public Value? VisibleInput { get; private set; }

    /// <summary>A name that no other wire or node of the graph has.</summary>
    public string Unique(string name)
    {
        if (_names.TryAdd(name, 0)) return name;
        string unique;
        do unique = $"{name}.{++_names[name]}";
        while (!_names.TryAdd(unique, 0));
        return unique;
    }

    public Pulse? Pulse(Value v) => _pulses.GetValueOrDefault(v);

    public void SetPulse(Value v, Pulse p) => _pulses[v] = p;

    /// <summary>The wire that stands for one of the model's; constants stand for themselves.</summary>
    public Value Wire(Value v) => v.Constant is not null ? v : _wires.TryGetValue(v, out var w) ? w : throw new InvalidModelException($"wire '{v.Name}' is read before it is computed");

    public void Put(Value v, Value wire) => _wires[v] = wire;

    public TensorType? Type(Value v) => v.Constant is { } w ? new TensorType(w.DType, w.Shape) : _types.GetValueOrDefault(v);

    public void SetType(Value v, TensorType type) => _types[v] = type;

    public Tensor? Known(Value v) => v.Constant is { } w ? w is Dense d ? d.Values : w.Shape.Elements <= MaxKnownElements ? w.Decode() : null : _known.GetValueOrDefault(v);

    public bool IsConstant(Value v) => v.Constant is not null || _constant.Contains(v);

    public void SetConstant(Value v) => _constant.Add(v);

    /// <summary>True when a known value holds −1 for a length of the stream.</summary>
    public bool IsLength(Value v) => _lengths.Contains(v);

    /// <summary>Learns the value of a shape operator of a stream.</summary>
    public void Learn(Value v, Tensor value, bool holdsLength)
    {
        (_known[v], _types[v]) = (value, value.Type);
        _constant.Add(v);
        if (holdsLength) _lengths.Add(v);
    }

    /// <summary>Adds a node; types and values of its results where they follow.</summary>
    public IReadOnlyList<(Value Wire, TensorType Type)?> Add(Node node)
    {
        var inputs = node.Inputs.Select(v => v is null ? null : Type(v)).ToArray();
        var known = node.Inputs.Select(v => v is null ? null : Known(v)).ToArray();
        bool constant = node.Inputs.All(v => v is null || IsConstant(v)) && !node.Op.IsRandom;
        Graph.Nodes.Add(node);
        foreach (var v in node.Outputs) if (v is not null && constant) _constant.Add(v);
        if (node.Op.Kind == OperatorKind.Dynamic || node.Inputs.Select((v, i) => v is not null && inputs[i] is null).Any(u => u)) return [.. node.Outputs.Select(_ => ((Value, TensorType)?)null)];
        var infer = new InferContext(inputs, known, node.Outputs.Count);
        try
        {
            node.Op.Infer(infer);
        }
        catch (OperatorException e) when (e.Node is null)
        {
            throw new OperatorException(e.Detail, node.Describe(), e);
        }
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is { } v && infer.Missing.Count == 0 && infer.Outputs[i] is { } t) _types[v] = t;
        if (constant) Evaluate(node, known, infer);
        return [.. node.Outputs.Select(v => v is not null && _types.TryGetValue(v, out var t) ? (v, t) : ((Value, TensorType)?)null)];
    }

    private void Evaluate(Node node, Tensor?[] known, InferContext infer)
    {
        bool all = node.Inputs.Select((v, i) => v is null || known[i] is not null).All(k => k), lengths = node.Inputs.Any(v => v is not null && IsLength(v));
        if (!all || infer.Outputs.Any(t => t is null || t.Elements > MaxKnownElements)) return;
        // −1 for a length may be moved about, not computed with.
        if (lengths && !(node.Op.MovesData || node.Op is Cast or Identity)) throw new StreamRefusalException("it computes with the length of the signal");
        if (evaluator.Evaluate(node, known) is not { } results) return;
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is { } v && results[i] is Tensor t)
            {
                _known[v] = t;
                if (lengths && t.DType is DType.I64 or DType.I32 && t.ToLongs().Contains(-1)) _lengths.Add(v);
            }
    }

    /// <summary>Hops that a window must wait for its frames.</summary>
    public long NeededHopDelay { get; private set; }

    /// <summary>First hop that has a result.</summary>
    public long FirstHop { get; private set; }

    /// <summary>See <see cref="StreamContext.Window"/>. Windows of branches of different delay end with the same hop.</summary>
    public Value Window(Pulse p, string node, out long stateBytes) => AtHop(p, p.Time.Length(Options.Window) - p.Frames, node, out stateBytes).Wire;

    /// <summary>The new frames of a window that ends with the hop, as <see cref="Window"/> has them at its end.</summary>
    public Pulse AlignedToHop(Pulse p, string node, out long stateBytes) => AtHop(p, 0, node, out stateBytes);

    private Pulse AtHop(Pulse p, long overlap, string node, out long stateBytes)
    {
        long frames = p.Time.Length(Options.Window);
        if (frames < p.Frames) throw new StreamRefusalException($"a window has {frames} frames, fewer than the {p.Frames} of a hop");
        // Layers without padding make fewer frames of a window than of so many hops; a window's last frame then comes the sooner.
        long missing = Options.Window % Options.Hop == 0 ? (long)Options.Window / Options.Hop * p.Frames - frames : 0, late = p.Delay - missing;
        long needed = Checked.CeilDiv(Math.Max(0, late), p.Frames), hops = Math.Max(needed, hopDelay);
        NeededHopDelay = Math.Max(NeededHopDelay, needed);
        FirstHop = Math.Max(FirstHop, hops + (Options.PartialWindows ? 0 : Checked.CeilDiv(frames + missing, p.Frames) - 1));
        return Delay(p, hops * p.Frames - late, overlap, Options.PartialWindows ? 0f : null, node, out stateBytes);
    }

    /// <summary>See <see cref="StreamContext.Delay"/>; the same delay of the same wire is one.</summary>
    public Pulse Delay(Pulse x, long extra, long overlap, float? pad, string node, out long stateBytes)
    {
        stateBytes = 0;
        if (extra == 0 && overlap == 0 && pad is null) return x;
        // A delay of what only waits is one delay.
        if (_waits.TryGetValue(x.Wire, out var wait)) return Delay(x with { Wire = wait.From.Wire, Type = wait.From.Type, Delay = x.Delay - wait.Extra }, extra + wait.Extra, overlap, pad, node, out stateBytes);
        if (_delays.TryGetValue((x.Wire, extra, overlap, pad), out var known) && known.Time.Equals(x.Time) && known.Delay == x.Delay + extra + overlap) return known;
        var stateType = new TensorType(x.Type.DType, Engine.Graph.Operators.Delay.StateShape(x.Type.Shape, x.Axis, extra + overlap));
        int index = _visible.Count;
        if (pad is not null)
        {
            VisibleInput ??= new Value(Unique("visible"));
            _visible.Add(new(x.Delay + extra + overlap, x.Frames, x.Frames + overlap, x.Time.Length));
        }
        var op = Engine.Graph.Operators.Delay.Of(x.Axis, extra, overlap, pad is null ? 0 : index, pad ?? 0);
        var y = new Value(Unique($"{x.Wire.Name}.delayed")) { Quantization = x.Wire.Quantization };
        var state = extra + overlap > 0 ? State($"{x.Wire.Name}.past", stateType, null, 0, inPlace: true) : null;
        var next = state is null ? null : new Value(Unique($"{state.Name}.next"));
        if (state is not null) Next(state, next!);
        stateBytes = stateType.Bytes;
        Graph.Nodes.Add(new Node(Unique($"{node}.delay"), op, pad is null ? [x.Wire, state] : [x.Wire, state, VisibleInput], next is null ? [y] : [y, next]));
        var type = new TensorType(x.Type.DType, x.Type.Shape.With(x.Axis, x.Frames + overlap));
        _types[y] = type;
        if (overlap == 0 && pad is null) _waits[y] = (x, extra);
        return _delays[(x.Wire, extra, overlap, pad)] = x with { Wire = y, Type = type, Delay = x.Delay + extra + overlap };
    }

    /// <summary>Bytes that delays move a hop.</summary>
    public long DelayBytes => Graph.Nodes.Where(n => n.Op is Engine.Graph.Operators.Delay).Sum(n => _types[n.Outputs[0]!].Bytes);

    /// <summary>Removes delays that nothing reads, with their states.</summary>
    public void DropUnread(IReadOnlySet<Value> results)
    {
        var uses = new Uses(Graph);
        foreach (var n in Graph.Nodes.Where(n => n.Op is Engine.Graph.Operators.Delay && uses.Of(n.Outputs[0]!) == 0 && !results.Contains(n.Outputs[0]!)).ToList())
        {
            Graph.Nodes.Remove(n);
            _states.RemoveAll(s => s.Input == n.Inputs[1]);
        }
    }

    /// <summary>A value that a hop leaves for the next.</summary>
    /// <param name="name">Its name; another one where that is taken.</param>
    /// <param name="type">Its type.</param>
    /// <param name="initial">What it starts with; zeros where null.</param>
    /// <param name="reset">The hop before which it is set to that again.</param>
    /// <param name="inPlace">True where the new value may be written over the old one.</param>
    /// <param name="input">The model's own input for it, which branches may read.</param>
    public Value State(string name, TensorType type, Tensor? initial, long reset, bool inPlace, Value? input = null)
    {
        if (initial is not null && initial.Type != type) throw new StreamRefusalException($"the state that it starts with is {initial}, expected {type}");
        var v = input ?? new Value(Unique(name));
        _types[v] = type;
        _states.Add((new StreamState(v.Name, type, initial, reset, inPlace), v, null));
        return v;
    }

    public void Next(Value state, Value wire)
    {
        int i = _states.FindIndex(s => s.Input == state);
        _states[i] = _states[i] with { Next = wire };
    }
}
