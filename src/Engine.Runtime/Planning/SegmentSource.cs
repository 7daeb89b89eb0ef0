using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Nodes still to run, with the wires live before the first of them: where planning starts. Plans made from here are kept, keyed by
/// the types of those wires and the values of the few that rules asked for.
/// </summary>
internal sealed class SegmentSource
{
    private readonly Lock _lock = new();
    private readonly List<Plan> _plans = [];
    private int _built;

    // Plans built from here before conditions are given up as parts of the key: they change too often.
    private const int MaxPlansOverConditions = 64;

    public SegmentSource(IReadOnlyList<Node> nodes, IReadOnlyDictionary<Value, Value> aliases, IReadOnlyList<Value> outputs)
    {
        (Nodes, Aliases, Outputs) = (nodes, aliases, outputs);
        var made = new HashSet<Value>();
        var live = new List<Value>();
        var seen = new HashSet<Value>();
        void Read(Value? v)
        {
            if (v is null) return;
            v = Resolve(v);
            if (v.Constant is null && !made.Contains(v) && seen.Add(v)) live.Add(v);
        }
        foreach (var n in nodes)
        {
            foreach (var v in n.Inputs) Read(v);
            foreach (var g in n.Op.Subgraphs)
                foreach (var v in g.Captures()) Read(v);
            foreach (var v in n.Outputs) if (v is not null) made.Add(v);
        }
        foreach (var v in outputs) Read(v);
        Live = live;
    }

    /// <summary>Nodes in order.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>Outputs of inlined branches, by the wire that the graph around them reads.</summary>
    public IReadOnlyDictionary<Value, Value> Aliases { get; }

    /// <summary>Results of the graph.</summary>
    public IReadOnlyList<Value> Outputs { get; }

    /// <summary>Wires that exist before the first node and are read from here on.</summary>
    public IReadOnlyList<Value> Live { get; }

    /// <summary>Live wires whose value is part of the plan's key.</summary>
    public HashSet<Value> Pinned { get; } = [];

    /// <summary>Conditions whose branch was taken at plan time because their value is part of the key.</summary>
    public HashSet<Value> PlannedConditions { get; } = [];

    /// <summary>Conditions that change too often to plan for each value: decided at run time.</summary>
    public HashSet<Value> RunTimeConditions { get; } = [];

    /// <summary>Follows aliases to the wire that holds the content.</summary>
    public Value Resolve(Value v)
    {
        while (Aliases.TryGetValue(v, out var a)) v = a;
        return v;
    }

    /// <summary>The plan for the values in hand, built on first use; <paramref name="workers"/> then pack the weights.</summary>
    public Plan Get(IReadOnlyList<RuntimeValue> live, PlanBuilder builder, Workers workers)
    {
        lock (_lock)
        {
            if (Find(live) is { } hit) return hit;
            if (++_built == MaxPlansOverConditions && PlannedConditions.Count > 0)
            {
                RunTimeConditions.UnionWith(PlannedConditions);
                Pinned.Clear();
                _plans.Clear();
            }
            Plan plan;
            try
            {
                plan = builder.Build(this, live, workers);
            }
            catch (Exception e) when (Faults.IsEscaped(e))
            {
                throw Faults.Escaped(e, null);
            }
            // Building may have pinned more wires: older plans then lack them in their key and can no longer be told apart.
            _plans.RemoveAll(p => !p.Key.Covers(Pinned));
            _plans.Insert(0, plan);
            if (_plans.Count > builder.Options.MaxPlans) _plans.RemoveAt(_plans.Count - 1);
            return plan;
        }
    }

    private Plan? Find(IReadOnlyList<RuntimeValue> live)
    {
        for (int i = 0; i < _plans.Count; i++)
        {
            var p = _plans[i];
            if (!p.Key.Matches(live)) continue;
            if (i > 0)
            {
                _plans.RemoveAt(i);
                _plans.Insert(0, p);
            }
            return p;
        }
        return null;
    }
}

/// <summary>What a plan holds for: the type of every live wire, and the content of pinned ones.</summary>
internal sealed class PlanKey
{
    private readonly IReadOnlyList<Value> _wires;
    private readonly TensorType?[] _types;
    private readonly byte[]?[] _values;

    public PlanKey(IReadOnlyList<Value> wires, IReadOnlyList<RuntimeValue> live, HashSet<Value> pinned)
    {
        _wires = wires;
        _types = [.. live.Select(v => (v as Tensor)?.Type)];
        _values = [.. live.Select((v, i) => pinned.Contains(wires[i]) && v is Tensor { DType: not DType.String } t ? t.Bytes.ToArray() : null)];
    }

    public bool Covers(HashSet<Value> pinned)
    {
        for (int i = 0; i < _wires.Count; i++)
            if (pinned.Contains(_wires[i]) && _values[i] is null && _types[i] is { DType: not DType.String }) return false;
        return true;
    }

    public bool Matches(IReadOnlyList<RuntimeValue> live)
    {
        for (int i = 0; i < _types.Length; i++)
        {
            var t = live[i] as Tensor;
            if (!Matches(i, t?.DType ?? DType.Undefined, t?.Shape ?? default)) return false;
            if (_values[i] is { } v && !v.AsSpan().SequenceEqual(t!.Bytes)) return false;
        }
        return true;
    }

    /// <summary>True when wire <paramref name="i"/> has this type in the plan.</summary>
    public bool Matches(int i, DType dtype, Shape shape) => _types[i] is { } t ? t.DType == dtype && t.Shape == shape : dtype == DType.Undefined;

    /// <summary>The pinned content of wire <paramref name="i"/>, or null.</summary>
    public byte[]? Content(int i) => _values[i];
}
