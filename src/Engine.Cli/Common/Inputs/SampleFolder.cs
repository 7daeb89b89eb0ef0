using Engine.Tensors;

namespace Engine.Cli;

/// <summary>
/// A folder with a file an input, named like the input (<c>x.npy</c>) or by its number (<c>input_0.pb</c>); or with such folders, a sample each; or, for a
/// model of one input, with any data files, a sample each.
/// </summary>
internal static class SampleFolder
{
    public static IReadOnlyList<Dictionary<string, RuntimeValue>> Read(string folder, IReadOnlyList<ValueInfo> inputs, ImageSettings images)
    {
        if (!Directory.Exists(folder)) throw CommandException.Usage($"{folder}: no such folder");
        var inner = Directory.GetDirectories(folder);
        Array.Sort(inner, StringComparer.Ordinal);
        if (Find(folder, inputs.Count > 0 ? inputs[0] : null, 0) is not null) return [ReadOne(folder, inputs, images)];
        if (inner.Length > 0) return [.. inner.Select(f => ReadOne(f, inputs, images))];
        string[] files = [.. Directory.GetFiles(folder).Where(f => InputFile.Extensions.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        if (inputs.Count != 1 || files.Length == 0) return [ReadOne(folder, inputs, images)];
        return [.. files.Select(f => Checked(inputs[0], InputFile.Read(f, inputs[0].Type, images)))];
    }

    private static Dictionary<string, RuntimeValue> ReadOne(string folder, IReadOnlyList<ValueInfo> inputs, ImageSettings images)
    {
        var values = new Dictionary<string, RuntimeValue>();
        for (int i = 0; i < inputs.Count; i++)
        {
            var input = inputs[i];
            string file = Find(folder, input, i) ?? throw new InputException($"{folder}: no file for input '{input.Name}'", input.Name);
            values[input.Name] = InputFile.Read(file, input.Type, images);
            InputChecks.Check(input, values[input.Name]);
        }
        return values;
    }

    private static Dictionary<string, RuntimeValue> Checked(ValueInfo input, RuntimeValue value)
    {
        InputChecks.Check(input, value);
        return new() { [input.Name] = value };
    }

    private static string? Find(string folder, ValueInfo? input, int index)
    {
        if (input is null) return null;
        // Names in models may hold separators, which no file name does.
        string safe = string.Concat(input.Name.Select(c => c is '/' or '\\' or ':' ? '_' : c));
        return InputFile.Extensions.SelectMany(e => (string[])[safe + e, $"input_{index}{e}"]).Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists);
    }
}
