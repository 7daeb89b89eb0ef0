using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Inputs against what the model declares.</summary>
internal static class InputChecks
{
    /// <summary>Throws <see cref="InputException"/> unless the value has the declared type and a shape that fits the declared one.</summary>
    public static void Check(Value input, RuntimeValue value)
    {
        if (input.Declared is not DeclaredType.Tensor d || value is not Tensor t) return;
        bool fits = d.Dims is null || d.Dims.Length == t.Shape.Rank && !d.Dims.Where((dim, i) => dim.IsKnown && dim.Value != t.Shape[i]).Any();
        if (t.DType != d.DType) throw new InputException($"input '{input.Name}' takes {d}, got element type {t.DType.Display()} in {t}", input.Name);
        if (!fits) throw new InputException($"input '{input.Name}' takes {d}, got shape {t.Shape}", input.Name);
    }

    /// <summary>The input of a name; null means the only one.</summary>
    public static Value Find(ModelGraph graph, string? name)
    {
        if (name is null) return graph.Inputs.Count == 1 ? graph.Inputs[0] : throw new InputException($"the model has {graph.Inputs.Count} inputs ({Names(graph.Inputs)}): say which as NAME=FILE");
        return graph.Inputs.Find(v => v.Name == name) ?? throw new InputException($"the model has no input '{name}'; its inputs are {Names(graph.Inputs)}", name);
    }

    public static string Names(IEnumerable<Value> values) => string.Join(", ", values.Select(v => $"'{v.Name}'")) is { Length: > 0 } s ? s : "none";
}
