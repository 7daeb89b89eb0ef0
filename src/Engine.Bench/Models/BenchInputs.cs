using System.Globalization;
using Engine.Cli;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What models are fed while they are timed.</summary>
internal static class BenchInputs
{
    /// <summary>Given or seeded inputs; the batch is the first dimension of every seeded input that leaves it free or whose shape the user gave.</summary>
    public static Dictionary<string, RuntimeValue> Make(EngineModel model, BenchSettings settings, int? batch)
    {
        var fixedValues = Given(model, settings.Inputs);
        var given = settings.Shapes;
        var shapes = new Dictionary<string, Shape>();
        bool batched = false;
        foreach (var input in model.Inputs)
        {
            if (fixedValues.ContainsKey(input.Name) || input.Type is not DeclaredType.Tensor d) continue;
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
            values[input.Name] = fixedValues.GetValueOrDefault(input.Name) ?? RandomInputs.Make(input, shapes);
            InputChecks.Check(input, values[input.Name]);
        }
        return values;
    }

    private static Dictionary<string, RuntimeValue> Given(EngineModel model, IReadOnlyList<(string? Name, string File)> inputs)
    {
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var (name, file) in inputs)
        {
            int at = name is null ? model.Inputs.Count == 1 ? 0 : -1 : InputChecks.IndexOf(model.Inputs, name);
            if (at < 0) continue;
            var input = model.Inputs[at];
            values[input.Name] = Number(file, input) ?? InputFile.Read(file, input.Type, ImageSettings.Default);
        }
        return values;
    }

    /// <summary>A number for an input of one element, as in sr=16000.</summary>
    private static Tensor? Number(string text, ValueInfo input)
    {
        if (input.Type is not DeclaredType.Tensor d || File.Exists(text) || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double v)) return null;
        return Numbers.FromDoubles(d.DType, new Shape([.. Enumerable.Repeat(1L, d.Dims?.Length ?? 0)]), [v]);
    }
}
