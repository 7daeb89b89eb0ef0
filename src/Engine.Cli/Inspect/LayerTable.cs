using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>A row a node of the graph as stored.</summary>
internal static class LayerTable
{
    /// <summary>Steps of the plan without rewrites, by node name; empty where input shapes are not known.</summary>
    public static IReadOnlyDictionary<string, PlanStep> Infer(string path, IReadOnlyList<ValueInfo> inputs, IReadOnlyDictionary<string, Shape> shapes)
    {
        var steps = new Dictionary<string, PlanStep>();
        try
        {
            var values = inputs.ToDictionary(i => i.Name, i => (RuntimeValue)RandomInputs.Make(i, shapes));
            using var m = EngineModel.Load(path, new RunSettings(OptimizationLevel: 0));
            foreach (var s in m.Model.Plan(values).Steps) steps.TryAdd(s.Name, s);
        }
        catch (InputException) when (shapes.Count == 0)
        {
            // Free dimensions that the user gave no value for: the declared types must do.
        }
        return steps;
    }

    public static Table Make(ModelGraph graph, IReadOnlyDictionary<string, PlanStep> steps)
    {
        var t = new Table(new("#", "index"), new("layer", "layer"), new("op", "op"), new("inputs", "inputs"), new("outputs", "outputs"), new("out type", "out_type"), new("scheme", "scheme"), new("params", "parameters"), new("weight KiB", "weight_kib", "0.0"), new("bits/parameter", "bits_per_parameter", "0.##"), new("MOP", "mop", "0.###"));
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            var n = graph.Nodes[i];
            var (parameters, bytes) = ModelStatistics.OfNode(n);
            var step = steps.GetValueOrDefault(n.Name);
            string? type = step?.OutputDescription ?? n.Outputs.OfType<Value>().FirstOrDefault()?.Declared?.ToString();
            t.Add(i, n.Name, n.Op.ToString(), Wires(n.Inputs), Wires(n.Outputs), type, Scheme(n), parameters, bytes / 1024.0, parameters == 0 ? null : 8.0 * bytes / parameters, step?.Cost.Operations / 1e6);
        }
        return t;
    }

    /// <summary>Scheme of the largest constant of two dimensions or more: the weight of a linear operator.</summary>
    private static string? Scheme(Node n) => n.Inputs.Select(v => v?.Constant).OfType<Weight>().Where(w => w.Shape.Rank >= 2).MaxBy(w => w.StoredBytes) is { } w ? $"{w.Describe()} {w.DType.Display()}" : null;

    private static string Wires(IReadOnlyList<Value?> values) => string.Join(", ", values.Where(v => v is { Constant: null }).Select(v => v!.Name));
}
