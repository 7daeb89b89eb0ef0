using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// What a continual network does with windows: attention whose queries, keys and values are streams is updated by the new frames, and of what only the newest row is read only that one is computed.
/// </summary>
internal sealed class ContinualWindows
{
    private readonly StreamTransform _transform;
    private readonly StreamBuilder _b;
    private readonly ModelGraph _graph;
    private readonly IReadOnlySet<Value> _newest;
    private readonly List<StreamLayer> _layers;
    private readonly Dictionary<Node, AttentionChain> _products;
    private readonly HashSet<Node> _inner, _rowwise = [], _picks = [];
    private readonly Dictionary<Value, (int Axis, long Window)> _rows = [];
    private readonly Dictionary<Value, Value> _last = [];

    public ContinualWindows(StreamTransform transform, StreamBuilder b, ModelGraph graph, IReadOnlySet<Value> newest, List<StreamLayer> layers)
    {
        (_transform, _b, _graph, _newest, _layers) = (transform, b, graph, newest, layers);
        _products = AttentionChain.Find(graph).ToDictionary(c => c.Product);
        _inner = [.. _products.Values.SelectMany(c => c.Inner)];
    }

    /// <summary>Wires of which the model reads the newest row alone, once every node has been taken.</summary>
    public HashSet<Value> Newest() => NewestRows.Find(_graph, _rowwise, _picks, _products.Values);

    /// <summary>Does the work of a node that attention or rows of a window reach; false where it is to be done as that of any other.</summary>
    public bool Take(Node n)
    {
        // Until the product with values.
        if (_inner.Contains(n)) return true;
        if (_products.TryGetValue(n, out var chain))
        {
            if (!Attention(chain))
            {
                // No window of frames with each other after all.
                _products.Remove(n);
                _inner.ExceptWith(chain.Inner);
                foreach (var other in chain.Inner) _transform.Node(other);
                _transform.Node(n);
            }
            return true;
        }
        if (!n.Inputs.Any(v => v is not null && _rows.ContainsKey(v))) return false;
        return n.Op is ShapeOf s ? Learn(n, s) : Rowwise(n);
    }

    /// <summary>Runs a node row by row; false where it reads more than a row at a time.</summary>
    public bool Rowwise(Node n)
    {
        if (n.Input(0) is { } first && _rows.TryGetValue(first, out var x) && _b.Type(_b.Wire(first)) is { } type && NewestRows.IsPick(n, type.Shape, x.Axis, x.Window, v => _b.Known(_b.Wire(v)))) return Pick(n, first, x.Axis);
        bool one = n.Outputs.All(v => v is null || _newest.Contains(v));
        var rows = new Dictionary<Value, Pulse>();
        long bytes = 0, window = 0;
        foreach (var v in n.Inputs.OfType<Value>())
        {
            if (rows.ContainsKey(v) || Rows(v, one, n.Name, ref bytes) is not { } p) continue;
            if (window != 0 && p.Window != window) return false;
            (rows[v], window) = (p.Pulse, p.Window);
        }
        int nodes = _b.Graph.Nodes.Count;
        var c = new RowsNode(_b, n, rows, window);
        try
        {
            n.Op.Stream(c);
        }
        catch (StreamRefusalException)
        {
            _b.Graph.Nodes.RemoveRange(nodes, _b.Graph.Nodes.Count - nodes);
            return false;
        }
        foreach (var (i, p) in c.Given) _rows[n.Outputs[i]!] = (p.Axis, window);
        _rowwise.Add(n);
        _layers.Add(new(n.Name, n.Op.ToString(), one ? StreamForm.Exact : StreamForm.Window, 0, bytes, one ? "on the newest frame of the window" : "on all frames of the window"));
        return true;
    }

    // The rows of a window, or its newest, of a wire that has any.
    private (Pulse Pulse, long Window)? Rows(Value v, bool one, string node, ref long bytes)
    {
        if (_b.Pulse(v) is { } p)
        {
            long window = p.Time.Length(_b.Options.Window);
            var wire = one ? Last(_b.AlignedToHop(p, node, out long state).Wire, p.Axis) : _b.Window(p, node, out state);
            bytes += state;
            return (new(wire, _b.Type(wire)!, p.Axis, Checked.Int(one ? 1 : window), 0, StreamTime.Input), window);
        }
        if (!_rows.TryGetValue(v, out var r)) return null;
        var own = one && !_newest.Contains(v) ? Last(_b.Wire(v), r.Axis) : _b.Wire(v);
        return (new(own, _b.Type(own)!, r.Axis, Checked.Int(one ? 1 : r.Window), 0, StreamTime.Input), r.Window);
    }

    private Value Last(Value wire, int axis)
    {
        if (_b.Type(wire)!.Shape[axis] == 1) return wire;
        if (_last.TryGetValue(wire, out var made)) return made;
        string name = _b.Unique($"{wire.Name}.newest");
        Value One(string what, long v) => Value.Of($"{name}.{what}", Tensor.Vector<long>(v));
        _b.Add(new Node(name, new Slice(new Attributes(13)), [wire, One("start", -1), One("end", long.MaxValue), One("axis", axis)], [made = new Value(name) { Quantization = wire.Quantization }]));
        return _last[wire] = made;
    }

    private bool Pick(Node n, Value x, int axis)
    {
        _picks.Add(n);
        if (!_newest.Contains(x)) return false;
        var wire = _b.Wire(x);
        var y = new Value(n.Outputs[0]!.Name) { Quantization = n.Outputs[0]!.Quantization };
        _b.Put(n.Outputs[0]!, y);
        if (n.Op is Gather)
        {
            var index = Value.Of(_b.Unique($"{n.Name}.index"), Tensor.Allocate(DType.I64, _b.Type(_b.Wire(n.Inputs[1]!))!.Shape));
            _b.Add(new Node(n.Name, n.Op, [wire, index], [y]));
        }
        else _b.Add(new Node(n.Name, new Identity(Attributes.None), [wire], [y]));
        return true;
    }

    // Shapes are those of whole windows.
    private bool Learn(Node n, ShapeOf op)
    {
        var v = n.Inputs[0]!;
        if (n.Outputs[0] is not { } y || _b.Type(_b.Wire(v)) is not { } type) return false;
        var (axis, window) = _rows[v];
        var infer = new InferContext([new(type.DType, type.Shape.With(axis, window))], [null], 1);
        op.Infer(infer);
        if (infer.OutputValues[0] is not { } value) return false;
        var wire = Value.Of(_b.Unique(y.Name), value);
        _b.Put(y, wire);
        _b.Learn(wire, value, false);
        return true;
    }

    private bool Attention(AttentionChain chain)
    {
        bool one = _newest.Contains(chain.Output);
        Value[] operands = [chain.Query, chain.Key, chain.Values];
        var axes = operands.Select(v => _b.Pulse(v) is { } p ? (p.Axis, Window: p.Time.Length(_b.Options.Window)) : _rows.GetValueOrDefault(v)).ToArray();
        var types = operands.Select(v => _b.Pulse(v)?.Type ?? (_rows.ContainsKey(v) ? _b.Type(_b.Wire(v)) : null)).ToArray();
        if (types.Any(t => t is not { DType: DType.F32, Shape.Rank: >= 2 and <= 4 } || t.Shape.Rank != types[0]!.Shape.Rank || !t.Shape.Dims[..^2].SequenceEqual(types[0]!.Shape.Dims[..^2]))) return false;
        int rank = types[0]!.Shape.Rank;
        if (axes[0].Axis != rank - 2 || axes[1].Axis != rank - 1 || axes[2].Axis != rank - 2 || axes.Any(a => a.Window != axes[0].Window)) return false;
        long window = axes[0].Window;
        if (!Update(chain, one, window) && !OnWindow(chain, one)) return false;
        _rows[chain.Output] = (rank - 2, window);
        return true;
    }

    // By the new frames, where that is less work than anew.
    private bool Update(AttentionChain chain, bool one, long window)
    {
        if (_b.Pulse(chain.Query) is not { } q || _b.Pulse(chain.Key) is not { } k || _b.Pulse(chain.Values) is not { } v || k.Frames != q.Frames || v.Frames != q.Frames || (one ? 1 : 2) * (long)q.Frames > window) return false;
        var n = chain.Product;
        long bytes = 0;
        Value Operand(Pulse p)
        {
            var wire = _b.AlignedToHop(p, n.Name, out long state).Wire;
            bytes += state;
            return wire;
        }

        long[] order = [.. Enumerable.Range(0, q.Axis).Select(i => (long)i), q.Axis + 1, q.Axis];
        var keys = new Value(_b.Unique($"{n.Name}.keys"));
        _b.Add(new Node(_b.Unique($"{n.Name}.transpose"), new Transpose(new Attributes(13, new Dictionary<string, object> { ["perm"] = order })), [Operand(k)], [keys]));
        ContinualAttention op = one ? new SingleOutputAttention(chain.Scale) : new RetroactiveAttention(chain.Scale);
        var types = op.States(q.Type, v.Type, window);
        var states = types.Select((t, i) => _b.State($"{n.Name}.{(i == 0 ? "past" : i == types.Count - 1 ? "place" : "rows")}", t, null, 0, inPlace: true)).ToArray();
        var next = states.Select(s => new Value(_b.Unique($"{s.Name}.next"))).ToArray();
        var y = new Value(chain.Output.Name) { Quantization = chain.Output.Quantization };
        _b.Put(chain.Output, y);
        _b.Add(new Node(n.Name, op, [Operand(q), keys, Operand(v), .. states], [y, .. next]));
        for (int i = 0; i < states.Length; i++) _b.Next(states[i], next[i]);
        _layers.Add(new(n.Name, op.ToString(), one ? StreamForm.Exact : StreamForm.Bounded, 0, bytes + types.Sum(t => t.Bytes), one ? "single-output attention: the newest frame with all of the window" : "retroactive attention: all rows of the window updated by the new frames"));
        return true;
    }

    private bool OnWindow(AttentionChain chain, bool one)
    {
        long bytes = 0;
        var windows = new Dictionary<Value, Value> { [chain.Key] = Rows(chain.Key, false, chain.Product.Name, ref bytes)!.Value.Pulse.Wire, [chain.Values] = Rows(chain.Values, false, chain.Product.Name, ref bytes)!.Value.Pulse.Wire };
        // The same wire may serve as all three.
        if (!windows.ContainsKey(chain.Query)) windows[chain.Query] = Rows(chain.Query, one, chain.Product.Name, ref bytes)!.Value.Pulse.Wire;
        else if (one) return false;
        foreach (var n in chain.Inner.Append(chain.Product)) _transform.Copy(n, windows);
        _layers.Add(new(chain.Product.Name, chain.Product.Op.ToString(), one ? StreamForm.Exact : StreamForm.Window, 0, bytes, one ? "attention of the newest frame with all of the window" : "attention of all frames of the window"));
        return true;
    }
}
