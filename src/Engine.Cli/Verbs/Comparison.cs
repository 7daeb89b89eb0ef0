using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Collects the metrics of two models, sample by sample. Outputs come from planned runs, layers from the reference runs, which show every wire.</summary>
internal sealed class Comparison(EngineModel a, EngineModel b, IReadOnlyList<(int A, int B)> outputs, bool layers)
{
    private readonly Dictionary<string, Row> _layers = [];
    private readonly Dictionary<string, Row> _outputs = [];
    private readonly List<string> _order = [];

    /// <summary>The worst of a wire over all samples.</summary>
    public sealed record Row(string Name, string Operator, string Type, Metrics Metrics);

    public IEnumerable<Row> Layers => _order.Select(n => _layers[n]);

    public IReadOnlyCollection<Row> Outputs => _outputs.Values;

    /// <summary>Classes that the first output gives.</summary>
    public ClassComparison Accuracy { get; } = new();

    public void Add(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation)
    {
        var ra = a.Run(inputs, cancellation);
        var rb = b.Run(inputs, cancellation);
        foreach (var (i, j) in outputs) Add(_outputs, a.Outputs[i].Name, "", ra[i], rb[j]);
        if (outputs.Count > 0) Accuracy.Add(ra[outputs[0].A], rb[outputs[0].B]);
        if (layers) AddLayers(inputs, cancellation);
    }

    private void AddLayers(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation)
    {
        var ops = new Dictionary<Value, string>();
        foreach (var n in a.AsStored.Graph.Nodes)
            foreach (var v in n.Outputs)
                if (v is not null) ops[v] = n.Op.ToString();
        var shared = b.AsStored.Graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>().Select(v => v.Name).Where(n => n.Length > 0).ToHashSet();
        var wires = new Dictionary<string, (string Op, RuntimeValue Value)>();
        a.RunReference(inputs, (v, x) =>
        {
            if (shared.Contains(v.Name) && ops.TryGetValue(v, out var op)) wires[v.Name] = (op, x);
        }, cancellation);
        b.RunReference(inputs, (v, y) =>
        {
            // Each wire is dropped once compared, so that only those ahead of the second run are held.
            if (!wires.Remove(v.Name, out var x)) return;
            if (!_layers.ContainsKey(v.Name)) _order.Add(v.Name);
            Add(_layers, v.Name, x.Op, x.Value, y);
        }, cancellation);
    }

    private static void Add(Dictionary<string, Row> rows, string name, string op, RuntimeValue x, RuntimeValue y)
    {
        var m = x is Tensor s && y is Tensor t ? Metrics.Of(s, t) : Metrics.LargestDifference(x, y) == 0 ? Metrics.Equal : Metrics.Undefined;
        rows[name] = rows.TryGetValue(name, out var row) ? row with { Metrics = row.Metrics.Worse(m) } : new(name, op, x.ToString() ?? "", m);
    }
}
