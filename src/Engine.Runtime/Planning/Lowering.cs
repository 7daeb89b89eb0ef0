using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Partial evaluation: walks the nodes with concrete types and the values known so far, folds what is known, inlines branches whose
/// condition is known, and stops at the first node whose outputs cannot be typed before it runs.
/// </summary>
internal sealed class Lowering
{
    // A demanded value is pinned (made part of the plan's key) when it derives from wires no larger than this.
    private const int MaxPinnedElements = 4096;
    // Folding at plan time is for shapes and masks; large constants were folded once at load.
    private const int MaxFoldedElements = 65536;

    private readonly SegmentSource _source;
    private readonly NodeEvaluator _evaluator;
    private readonly Func<Weight, Tensor> _dense;
    private readonly Dictionary<Value, Tensor> _known = [];
    private readonly Dictionary<Value, TensorType> _types = [];
    private readonly Dictionary<Value, LoweredNode> _producers = [];
    private readonly Dictionary<Value, Value> _aliases;
    private readonly List<LoweredNode> _nodes = [];

    /// <summary>Set when a value must be pinned and lowering started again.</summary>
    private bool _retry;

    private Lowering(SegmentSource source, IReadOnlyList<RuntimeValue> live, NodeEvaluator evaluator, Func<Weight, Tensor> dense)
    {
        (_source, _evaluator, _dense) = (source, evaluator, dense);
        _aliases = new Dictionary<Value, Value>(source.Aliases);
        for (int i = 0; i < live.Count; i++)
        {
            if (live[i] is not Tensor t) continue;
            var v = source.Live[i];
            _types[v] = t.Type;
            if (source.Pinned.Contains(v)) _known[v] = t.DType == DType.String ? t : t.Clone();
        }
    }

    /// <summary>Lowers from <paramref name="source"/>; pins values until it gets past the first node.</summary>
    public static LoweredSegment Run(SegmentSource source, IReadOnlyList<RuntimeValue> live, NodeEvaluator evaluator, Func<Weight, Tensor> dense)
    {
        while (true)
        {
            var lowering = new Lowering(source, live, evaluator, dense);
            var segment = lowering.Walk();
            if (!lowering._retry) return segment;
        }
    }

    private Value Resolve(Value v)
    {
        while (_aliases.TryGetValue(v, out var a)) v = a;
        return v;
    }

    private LoweredSegment Walk()
    {
        var work = new LinkedList<Node>(_source.Nodes);
        while (work.First is { } first)
        {
            var node = first.Value;
            var inputs = node.Inputs.Select(v => v is null ? null : Resolve(v)).ToArray();
            bool untyped = inputs.Any(v => v is not null && Type(v) is null or { DType: DType.String });
            if (node.Op is If branch && !untyped && inputs.Length == 1 && inputs[0] is { } condition && Condition(condition) is { } taken)
            {
                work.RemoveFirst();
                Inline(taken ? branch.Then : branch.Else, node, work);
                continue;
            }
            if (_retry) return null!;
            if (untyped || node.Op.Kind == OperatorKind.Dynamic)
            {
                if (!untyped && FoldNode(node, inputs))
                {
                    work.RemoveFirst();
                    continue;
                }
                return End(node, inputs, work);
            }
            if (!Lower(node, inputs))
            {
                if (_retry) return null!;
                if (_nodes.Count == 0) throw new UnsupportedException($"{node.Describe()}: its output shape depends on a value of {inputs.OfType<Value>().Select(v => Type(v)).Max(t => t?.Elements ?? 0)} elements computed at run time");
                return End(null, [], work);
            }
            work.RemoveFirst();
        }
        return End(null, [], work);
    }

    private TensorType? Type(Value v) => v.Constant is { } w ? new TensorType(w.DType, w.Shape) : _types.GetValueOrDefault(v);

    // Large encoded weights, and parts of weights, are operands of products: nothing follows from their values.
    private Tensor? Known(Value? v) => v is null ? null : v.Constant is { } w ? w is Dense || w is not Leading && w.Shape.Elements <= MaxFoldedElements ? _dense(w) : null : _known.GetValueOrDefault(v);

    // The value of an If's condition when it can be known at plan time: constant, folded, or derived from small inputs worth pinning.
    private bool? Condition(Value v)
    {
        if (Known(v) is { DType: DType.Bool, Shape.Elements: 1 } t) return t.Bytes[0] != 0;
        if (_source.RunTimeConditions.Contains(v)) return null;
        TryPin(v, small: true);
        if (_retry) _source.PlannedConditions.Add(v);
        return null;
    }

    private void Inline(ModelGraph graph, Node node, LinkedList<Node> work)
    {
        if (graph.Outputs.Count < node.Outputs.Count) throw new OperatorException($"the branch gives {graph.Outputs.Count} outputs, the node has {node.Outputs.Count}", node.Describe());
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is { } v) _aliases[v] = graph.Outputs[i];
        for (int i = graph.Nodes.Count - 1; i >= 0; i--) work.AddFirst(graph.Nodes[i]);
    }

    private bool FoldNode(Node node, Value?[] inputs)
    {
        var values = new Tensor?[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            if (inputs[i] is { } v && (values[i] = Known(v)) is null) return false;
        if (_evaluator.Evaluate(node, values) is not { } results) return false;
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is not null && (results[i] is not Tensor t || t.Shape.Elements > MaxFoldedElements || t.DType == DType.String)) return false;
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is { } v) Learn(v, (Tensor)results[i]!);
        return true;
    }

    private void Learn(Value v, Tensor t) => (_known[v], _types[v]) = (t, t.Type);

    // False when the node needs a value that is not known here.
    private bool Lower(Node node, Value?[] inputs)
    {
        var c = new InferContext([.. inputs.Select(v => v is null ? null : Type(v))], [.. inputs.Select(Known)], node.Outputs.Count);
        Cost cost;
        try
        {
            node.Op.Infer(c);
            if (c.Missing.Count > 0)
            {
                foreach (int i in c.Missing) TryPin(inputs[i]!, small: false);
                return false;
            }
            cost = node.Op.Cost(c);
        }
        catch (OperatorException e) when (e.Node is null)
        {
            throw new OperatorException(e.Detail, node.Describe(), e);
        }
        catch (Exception e) when (Faults.IsEscaped(e))
        {
            throw Faults.Escaped(e, node.Describe());
        }
        for (int i = 0; i < node.Outputs.Count; i++)
            if (node.Outputs[i] is not null && c.Outputs[i] is null) throw new OperatorException($"no rule gives output {i}", node.Describe());
        bool allKnown = c.OutputValues.Count == node.Outputs.Count && c.OutputValues.All(v => v is not null);
        if (allKnown)
        {
            for (int i = 0; i < node.Outputs.Count; i++)
                if (node.Outputs[i] is { } v) Learn(v, c.OutputValues[i]!);
            return true;
        }
        if (inputs.All(v => v is null || v.Constant is not null || _known.ContainsKey(v)) && c.Outputs.All(t => t is null || t.Elements <= MaxFoldedElements) && FoldNode(node, inputs)) return true;
        var outTypes = c.Outputs.Select((t, i) => node.Outputs[i] is null ? null : t).ToArray();
        var lowered = new LoweredNode(node, inputs, outTypes) { Cost = cost };
        for (int i = 0; i < node.Outputs.Count; i++)
        {
            if (node.Outputs[i] is not { } v) continue;
            _types[v] = outTypes[i]!;
            _producers[v] = lowered;
        }
        _nodes.Add(lowered);
        return true;
    }

    // Pins the live wires that v derives from, when they are small enough to be part of a key.
    private void TryPin(Value v, bool small)
    {
        var roots = new HashSet<Value>();
        var seen = new HashSet<Value>();
        var stack = new Stack<Value>([v]);
        while (stack.TryPop(out var at))
        {
            if (at.Constant is not null || _known.ContainsKey(at) || !seen.Add(at)) continue;
            if (_producers.TryGetValue(at, out var p))
            {
                if (p.Node.Op.IsRandom) return;
                foreach (var i in p.Inputs) if (i is not null) stack.Push(i);
            }
            else roots.Add(at);
        }
        // A wire the first node asks for directly is pinned whatever its size: nothing runs without it.
        bool must = _nodes.Count == 0 && roots.Contains(v);
        if (!must && roots.Any(r => _types.GetValueOrDefault(r) is not { } t || t.DType.IsFloat() && t.Elements > 16 || t.Elements > (small ? 16 : MaxPinnedElements))) return;
        int before = _source.Pinned.Count;
        _source.Pinned.UnionWith(roots);
        _retry = _source.Pinned.Count > before;
    }

    private LoweredSegment End(Node? tail, Value?[] tailInputs, LinkedList<Node> work)
    {
        SegmentSource? next = null;
        var needed = new List<Value>();
        if (tail is not null || work.Count > 0)
        {
            if (tail is not null) work.RemoveFirst();
            next = new SegmentSource([.. work], _aliases, _source.Outputs);
            var tailMakes = tail is null ? [] : tail.Outputs.OfType<Value>().ToHashSet();
            needed.AddRange(next.Live.Where(v => !tailMakes.Contains(v)));
            if (tail is not null)
            {
                needed.AddRange(tailInputs.OfType<Value>());
                foreach (var g in tail.Op.Subgraphs) needed.AddRange(g.Captures().Select(Resolve));
            }
        }
        else needed.AddRange(_source.Outputs.Select(Resolve));
        var outputs = needed.Where(v => v.Constant is null).Distinct().ToList();
        return new LoweredSegment { Nodes = Live(outputs), Types = _types, Known = _known, Outputs = outputs, Tail = tail, TailInputs = tailInputs, Next = next, Aliases = _aliases };
    }

    // Drops nodes that nothing reads (shape arithmetic that was folded away).
    private List<LoweredNode> Live(IReadOnlyList<Value> outputs)
    {
        var read = new HashSet<Value>(outputs);
        var kept = new List<LoweredNode>();
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            var n = _nodes[i];
            if (!n.Outputs.Any(v => v is not null && read.Contains(v) && !_known.ContainsKey(v))) continue;
            kept.Add(n);
            foreach (var v in n.Inputs) if (v is not null) read.Add(v);
        }
        kept.Reverse();
        return kept;
    }
}
