using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Runs a graph node by node on tensors of its own, with no rewrite, no plan and no reuse of memory: the ground truth that plans are
/// compared with.
/// </summary>
public sealed class Interpreter(KernelRegistry kernels, Workers? workers = null)
{
    private readonly NodeEvaluator _evaluator = new(kernels, workers);

    /// <summary>Deepest nesting of subgraphs at run time.</summary>
    public const int MaxDepth = 64;

    /// <summary>Called with every value as it is computed, where set.</summary>
    public Action<Value, RuntimeValue>? Observe { get; init; }

    /// <summary>Runs the graph on inputs in the graph's order.</summary>
    public IReadOnlyList<RuntimeValue> Run(ModelGraph graph, IReadOnlyList<RuntimeValue> inputs, CancellationToken cancellation = default) => Run(graph, inputs, null, 0, cancellation);

    private IReadOnlyList<RuntimeValue> Run(ModelGraph graph, IReadOnlyList<RuntimeValue> inputs, Frame? parent, int depth, CancellationToken cancellation)
    {
        if (depth > MaxDepth) throw new UnsupportedException($"subgraphs are nested deeper than {MaxDepth}");
        if (inputs.Count != graph.Inputs.Count) throw new InputException($"graph '{graph.Name}' takes {graph.Inputs.Count} inputs, got {inputs.Count}");
        var frame = new Frame(parent);
        for (int i = 0; i < inputs.Count; i++) frame.Values[graph.Inputs[i]] = Rounded(graph.Inputs[i], inputs[i]);
        foreach (var node in graph.Nodes)
        {
            cancellation.ThrowIfCancellationRequested();
            var operands = node.Inputs.Select(v => v is null ? null : frame.Find(v)).ToArray();
            var results = _evaluator.Run(node, operands, cancellation, (g, values) => Run(g, values, frame, depth + 1, cancellation));
            for (int i = 0; i < node.Outputs.Count; i++)
            {
                if (node.Outputs[i] is not { } v) continue;
                frame.Values[v] = Rounded(v, results[i] ?? throw new OperatorException($"output {i} was not computed", node.Describe()));
                Observe?.Invoke(v, frame.Values[v]);
            }
        }
        return [.. graph.Outputs.Select(frame.Find)];
    }

    // A wire with a grid holds values of the grid.
    private static RuntimeValue Rounded(Value v, RuntimeValue value)
    {
        if (v.Quantization is not { } grid || value is not Tensor { DType: DType.F32 } t) return value;
        var r = t.Clone();
        foreach (ref float x in r.Span<float>()) x = grid.Decode(grid.Encode(x));
        return r;
    }

    private sealed class Frame(Frame? parent)
    {
        public Dictionary<Value, RuntimeValue> Values { get; } = [];

        public RuntimeValue Find(Value v)
        {
            if (v.Constant is { } w) return w.Decode();
            for (var f = this; f is not null; f = f.Parent)
                if (f.Values.TryGetValue(v, out var t))
                    return t;
            throw new InvalidModelException($"wire '{v.Name}' is read before it is computed");
        }

        private Frame? Parent { get; } = parent;
    }
}
