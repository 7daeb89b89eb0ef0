using Engine.Cli;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What models are fed while they are timed.</summary>
internal static class BenchInputs
{
    /// <summary>Seeded inputs; the batch is the first dimension of every input that leaves it free or whose shape the user gave.</summary>
    public static Dictionary<string, RuntimeValue> Make(EngineModel model, IReadOnlyDictionary<string, Shape> given, int? batch)
    {
        var shapes = new Dictionary<string, Shape>();
        bool batched = false;
        foreach (var input in model.Inputs)
        {
            if (input.Type is not DeclaredType.Tensor d) continue;
            var shape = RandomInputs.ShapeOf(input, d, given);
            bool free = shape.Rank > 0 && (d.Dims is null || d.Dims.Length > 0 && !d.Dims[0].IsKnown);
            if (free && batch is { } b) shape = shape.With(0, b);
            batched |= free;
            shapes[input.Name] = shape;
        }
        if (batch > 1 && !batched) throw CommandException.Usage($"--batch {batch}: no input of {model.Path} leaves its first dimension free ({string.Join(", ", model.Inputs)})");
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var input in model.Inputs)
        {
            values[input.Name] = RandomInputs.Make(input, shapes);
            InputChecks.Check(input, values[input.Name]);
        }
        return values;
    }
}
