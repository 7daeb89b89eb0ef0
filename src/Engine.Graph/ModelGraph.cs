using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Nodes in topological order over wires. A subgraph (branch or loop body) reads wires of its parents directly.</summary>
public sealed class ModelGraph(string name)
{
    /// <summary>Name in the model.</summary>
    public string Name { get; } = name;

    /// <summary>Run-time inputs, in order; initializers are not among them.</summary>
    public List<Value> Inputs { get; } = [];

    /// <summary>Results, in order. One may be a constant or an input.</summary>
    public List<Value> Outputs { get; } = [];

    /// <summary>Nodes, each after the producers of its inputs.</summary>
    public List<Node> Nodes { get; set; } = [];

    /// <summary>Every constant the nodes or outputs of this graph read, subgraphs excluded.</summary>
    public IEnumerable<Value> Constants => Nodes.SelectMany(n => n.Inputs).Concat(Outputs).OfType<Value>().Where(v => v.Constant is not null).Distinct();

    /// <summary>Wires that this graph (and graphs inside it) reads but neither makes nor takes as input.</summary>
    public IReadOnlyList<Value> Captures()
    {
        var own = new HashSet<Value>(Inputs);
        var captured = new List<Value>();
        var seen = new HashSet<Value>();
        void Read(Value? v)
        {
            if (v is not null && v.Constant is null && !own.Contains(v) && seen.Add(v)) captured.Add(v);
        }
        foreach (var n in Nodes)
        {
            foreach (var v in n.Inputs) Read(v);
            foreach (var g in n.Op.Subgraphs)
                foreach (var v in g.Captures()) Read(v);
            foreach (var v in n.Outputs) if (v is not null) own.Add(v);
        }
        foreach (var v in Outputs) Read(v);
        return captured;
    }
}

/// <summary>A loaded model before planning: the main graph and what the file says about itself.</summary>
public sealed class ModelDefinition(ModelGraph graph)
{
    /// <summary>The main graph.</summary>
    public ModelGraph Graph { get; } = graph;

    /// <summary>File the model came from, or null.</summary>
    public string? Source { get; init; }

    /// <summary>Producer, version, domain, document string and custom properties.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Opset version a domain.</summary>
    public IReadOnlyDictionary<string, int> Opsets { get; init; } = new Dictionary<string, int>();

    /// <summary>Constants in layouts of kernels, where the file holds any; content as untrusted as that of constants.</summary>
    public IReadOnlyList<PackedWeight> Packed { get; init; } = [];

    /// <summary>True for a graph made of one that was rewritten: it is taken as it is.</summary>
    public bool IsRewritten { get; init; }

    /// <summary>Objects that must live as long as the constants (mapped files).</summary>
    public IReadOnlyList<IDisposable> Resources { get; init; } = [];
}
