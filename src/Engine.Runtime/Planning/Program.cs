using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// A graph ready to be planned and run, with everything its sessions share: kernels, packed weights, plans a shape. Immutable in
/// meaning and safe for concurrent use.
/// </summary>
public sealed class Program
{
    private readonly Dictionary<ModelGraph, Program> _children = [];
    private readonly Lock _lock = new();
    private readonly Program _root;

    /// <summary>Prepares a graph; <paramref name="views"/> holds the constants that others stand in for, of the same shape and type. Plans are the program's own.</summary>
    public Program(ModelGraph graph, KernelRegistry kernels, PackedWeights packed, PlanOptions options, IReadOnlyDictionary<Value, Value>? views = null)
    {
        (Graph, Kernels, Packed, _root) = (graph, kernels, packed, this);
        Builder = new PlanBuilder(kernels, packed, options);
        Source = new SegmentSource(graph.Nodes, views ?? new Dictionary<Value, Value>(), graph.Outputs);
    }

    private Program(ModelGraph graph, Program root, IReadOnlyDictionary<Value, Value> aliases)
    {
        (Graph, Kernels, Packed, Builder, _root) = (graph, root.Kernels, root.Packed, root.Builder, root);
        Source = new SegmentSource(graph.Nodes, aliases, graph.Outputs);
    }

    /// <summary>The graph.</summary>
    public ModelGraph Graph { get; }

    /// <summary>Kernels of the backend.</summary>
    public KernelRegistry Kernels { get; }

    /// <summary>Weights in kernel layouts.</summary>
    public PackedWeights Packed { get; }

    internal PlanBuilder Builder { get; }

    internal SegmentSource Source { get; }

    /// <summary>The first plan for inputs of these types (values count only where shapes depend on them).</summary>
    public Plan Plan(IReadOnlyDictionary<Value, RuntimeValue> inputs) => Source.Get([.. Source.Live.Select(v => inputs[v])], Builder, Workers.Single);

    /// <summary>The program of a subgraph; one for all sessions.</summary>
    internal Program Child(ModelGraph graph, IReadOnlyDictionary<Value, Value> aliases)
    {
        lock (_root._lock)
        {
            if (_root._children.TryGetValue(graph, out var p)) return p;
            // Captured wires may be outputs of inlined branches: the aliases known where the subgraph is run first hold for every run.
            return _root._children[graph] = new Program(graph, _root, aliases);
        }
    }
}
