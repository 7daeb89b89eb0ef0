using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Inputs against what the model declares.</summary>
internal static class InputChecks
{
    /// <summary>Throws <see cref="InputException"/> unless the value has the declared type and a shape that fits the declared one.</summary>
    public static void Check(ValueInfo input, RuntimeValue value)
    {
        if (input.Type is not DeclaredType.Tensor d || value is not Tensor t) return;
        bool fits = d.Dims is null || d.Dims.Length == t.Shape.Rank;
        for (int i = 0; fits && i < d.Dims?.Length; i++) fits = !d.Dims[i].IsKnown || d.Dims[i].Value == t.Shape[i];
        if (t.DType != d.DType) throw new InputException($"input '{input.Name}' takes {d}, got element type {t.DType.Display()} in {t}", input.Name);
        if (!fits) throw new InputException($"input '{input.Name}' takes {d}, got shape {t.Shape}", input.Name);
    }

    /// <summary>The input of a name; null means the only one.</summary>
    public static ValueInfo Find(IReadOnlyList<ValueInfo> inputs, string? name)
    {
        if (name is null) return inputs.Count == 1 ? inputs[0] : throw new InputException($"the model has {inputs.Count} inputs ({Names(inputs)}): say which as NAME=FILE");
        return inputs.FirstOrDefault(v => v.Name == name) ?? throw new InputException($"the model has no input '{name}'; its inputs are {Names(inputs)}", name);
    }

    public static int IndexOf(IReadOnlyList<ValueInfo> values, string name)
    {
        for (int i = 0; i < values.Count; i++)
            if (values[i].Name == name) return i;
        return -1;
    }

    public static string Names(IReadOnlyList<ValueInfo> values) => values.Count == 0 ? "none" : string.Join(", ", values.Select(v => $"'{v.Name}'"));
}
