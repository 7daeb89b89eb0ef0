using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Which wires become codes where some layers are static int8: inputs and outputs of those layers (behind a ReLU or Clip that follows), and what
/// pools, additions, concatenations and moves between them pass on.
/// </summary>
internal sealed class QdqWires
{
    private readonly HashSet<Value> _wires = [];
    private readonly Dictionary<Value, Value> _gridOf = [];

    public QdqWires(ModelGraph graph, IReadOnlySet<Node> layers)
    {
        var readers = Readers(graph);
        var free = new HashSet<Value>(graph.Outputs);
        foreach (var n in graph.Nodes)
            foreach (var g in n.Op.Subgraphs) free.UnionWith(g.Captures());
        foreach (var n in graph.Nodes)
        {
            if (layers.Contains(n) && n.Inputs[0] is { Constant: null } x && !free.Contains(x)) _wires.Add(x);
            if (n.Outputs.Count != 1 || n.Outputs[0] is not { } y || !(layers.Contains(n) || Passes(n))) continue;
            // The activation is part of the step before it: only its result is rounded.
            if ((layers.Contains(n) || n.Op is Add) && readers.GetValueOrDefault(y) is [{ } next] && IsActivation(next) && next.Outputs[0] is { } behind) y = behind;
            if (!free.Contains(y)) _wires.Add(y);
            if (KeepsGrid(n) && _wires.Contains(n.Inputs[0]!)) _gridOf[y] = n.Inputs[0]!;
        }
        // A wire that nobody reads as codes gains nothing from being rounded.
        while (_wires.RemoveWhere(w => !readers.GetValueOrDefault(w, []).Exists(r => layers.Contains(r) && r.Inputs[0] == w || Passes(r) && Result(r, readers) is { } y && _wires.Contains(y))) > 0)
        {
        }
    }

    /// <summary>The wires, in no order.</summary>
    public IReadOnlyCollection<Value> Wires => _wires;

    /// <summary>The wire whose grid this one shares: itself, or the input of the moves that lead to it.</summary>
    public Value GridOf(Value wire)
    {
        while (_gridOf.TryGetValue(wire, out var from) && _wires.Contains(from)) wire = from;
        return wire;
    }

    private static Value? Result(Node n, Dictionary<Value, List<Node>> readers)
    {
        var y = n.Outputs[0];
        return n.Op is Add && y is not null && readers.GetValueOrDefault(y) is [{ } next] && IsActivation(next) ? next.Outputs[0] : y;
    }

    private static Dictionary<Value, List<Node>> Readers(ModelGraph graph)
    {
        var readers = new Dictionary<Value, List<Node>>();
        foreach (var n in graph.Nodes)
            foreach (var v in n.Inputs.OfType<Value>().Distinct()) (readers.TryGetValue(v, out var list) ? list : readers[v] = []).Add(n);
        return readers;
    }

    private static bool IsActivation(Node n) => n.Op is { Domain: "", Name: "Relu" or "Clip" };

    // Codes go in, codes come out: every operand that is computed is rounded already.
    private bool Passes(Node n) => n.Op.Domain.Length == 0 && n.Inputs.Count > 0 && n.Inputs[0] is { Constant: null } && n.Op.Name switch
    {
        "Add" or "Concat" => n.Inputs.All(v => v is not null && _wires.Contains(v)),
        "MaxPool" or "AveragePool" or "GlobalAveragePool" or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" => _wires.Contains(n.Inputs[0]!),
        _ => false,
    };

    private static bool KeepsGrid(Node n) => n.Op is { Domain: "", Name: "MaxPool" or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" };
}
